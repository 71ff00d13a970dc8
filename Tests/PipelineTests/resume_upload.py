"""Uploads a file by tuspy, from wherever the service has come.

resume_upload.py BASE FILE BYTES_OF_A_PART [URL]: prints the upload's address, where it begins, and the end; fails when the service goes.
"""

import sys

from tusclient.client import TusClient

base, path, part = sys.argv[1:4]
known = sys.argv[4] if len(sys.argv) > 4 else None
metadata = {"filename": "song.wav", "filetype": "audio/wav", "title": "Resumed", "tags": "slow,long"}
uploader = TusClient(base + "/api/v1/uploads/resumable").uploader(
    path, chunk_size=int(part), url=known, metadata=metadata, upload_checksum=int(part) < 2**20
)
if known is None:
    uploader.set_url(uploader.create_url())
print("url", uploader.url, flush=True)
print("from", uploader.offset, flush=True)
uploader.upload()
print("done", uploader.offset, uploader.request.response_headers.get("track-id"), flush=True)
