"""Dispatch 统一分拨: reports and waterlogging spots become cases with clocks. Owns dispatch.report, dispatch.case."""
