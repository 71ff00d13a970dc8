"""Reads a master playlist and its variants with the m3u8 package and prints what it understood as JSON."""

import json
import sys

import m3u8

master = m3u8.load(sys.argv[1])
media = [m3u8.load(playlist.absolute_uri) for playlist in master.playlists]
print(
    json.dumps(
        {
            "bandwidths": [playlist.stream_info.bandwidth for playlist in master.playlists],
            "averages": [playlist.stream_info.average_bandwidth for playlist in master.playlists],
            "codecs": [playlist.stream_info.codecs for playlist in master.playlists],
            "targets": [playlist.target_duration for playlist in media],
            "durations": [sum(segment.duration for segment in playlist.segments) for playlist in media],
            "segments": [[segment.uri for segment in playlist.segments] for playlist in media],
            "complete": all(playlist.is_endlist and playlist.playlist_type == "vod" for playlist in media),
        }
    )
)
