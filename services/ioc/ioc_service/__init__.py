"""The operations centre's console 运行指挥台: it shows what topics say and asks the owners to act. It owns no facts."""
