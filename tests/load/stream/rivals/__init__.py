"""The same work on other engines, each as its users would write it: stock settings where they are safe and fast."""
