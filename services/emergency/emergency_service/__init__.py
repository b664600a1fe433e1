"""Emergency 应急指挥: plans, levels, tasks and notices. Owns emergency.response, emergency.task, emergency.notice."""
