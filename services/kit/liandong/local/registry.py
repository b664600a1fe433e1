"""One schema registry (Apicurio, Confluent API) with a file store: its command and environment. It starts nothing."""

from pathlib import Path

from liandong.local.ports import HOST

API_PATH = "/apis/ccompat/v7"
READY_PATH = f"{API_PATH}/subjects"

# it answers a few requests at start and then almost none: the first compiler starts fastest and is enough
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")


def url(port: int) -> str:
    """Return the address that clients of the Confluent API take."""
    return f"http://{HOST}:{port}{API_PATH}"


def command(java: Path, unpacked: Path) -> tuple[str, ...]:
    """Return the registry's command."""
    return (str(java), *_JVM, "-jar", str(unpacked / "quarkus-run.jar"))


def environment(data: Path, http: int, management: int) -> dict[str, str]:
    """Return the registry's settings. The store writes every commit through (H2's default waits 500 ms): a schema id
    that was given out must survive kill -9, or it would be given out again for another schema.
    """
    return {
        "QUARKUS_HTTP_HOST": HOST,
        "QUARKUS_HTTP_PORT": str(http),
        "QUARKUS_MANAGEMENT_HOST": HOST,
        "QUARKUS_MANAGEMENT_PORT": str(management),
        "QUARKUS_OTEL_SDK_DISABLED": "true",
        "QUARKUS_LOG_LEVEL": "WARN",
        "QUARKUS_LOG_CATEGORY__IO_APICURIO__LEVEL": "WARN",
        "QUARKUS_BANNER_ENABLED": "false",
        "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
        # a list of subjects is cut silently at this length; a district has some 200, each world beside it as many
        "APICURIO_CCOMPAT_MAX_SUBJECTS": "100000",
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "h2",
        "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{data}/registry;DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0",
    }
