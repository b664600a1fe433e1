"""Flood 三防: rain windows, waterlogging spots and proposed response levels, from readings, reports and warnings."""
