"""What a generated request may not do: wait. A poll or an update that waits says nothing about the contract that one without does not."""
import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if "updates" in case.path:
        case.query = {**(case.query or {}), "waitSeconds": 0}
    if case.path.endswith("/poll") and isinstance(case.body, dict) and isinstance(case.body.get("waitSeconds"), (int, float)):
        case.body["waitSeconds"] = min(case.body["waitSeconds"], 0)


# Bytes of a file in parts (tus 1.0.0) are bytes.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
