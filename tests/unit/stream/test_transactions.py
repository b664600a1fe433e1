"""What Kafka's errors mean for the open transaction."""

from confluent_kafka import KafkaError
from liandong.stream.transactions import FatalError, TransactionAborted, error_inside, error_of


def test_a_transaction_that_had_failed_already_is_aborted_not_the_end_of_the_process() -> None:
    failed = KafkaError(KafkaError._STATE, "Erroneous state")
    assert isinstance(error_inside(failed), TransactionAborted)
    assert isinstance(error_of(failed), FatalError)  # where no transaction is open there is nothing to abort


def test_a_producer_beyond_repair_ends_the_process_inside_a_transaction_too() -> None:
    assert isinstance(error_inside(KafkaError(KafkaError._FATAL, "fatal")), FatalError)
