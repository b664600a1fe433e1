"""What happens on events, commands, answers and timers, one module per aggregate. Judgement is in `domain`."""
