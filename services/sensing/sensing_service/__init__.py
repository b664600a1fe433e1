"""sensing 物联感知: the gateway takes devices in, the judge decides what their readings are worth."""
