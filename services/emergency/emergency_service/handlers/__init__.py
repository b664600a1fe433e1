"""What happens on events, timers and commands, one module per aggregate. Judgement is in `domain`."""
