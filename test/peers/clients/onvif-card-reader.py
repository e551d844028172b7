"""Reads what is on a camera's card: PyPI's onvif-zeep-async, which here refuses answers that the WSDL of ONVIF does not permit.

Usage: onvif-card-reader.py HOST PORT USER PASSWORD
Prints one line of JSON.
"""

import asyncio
import datetime
import json
import sys

from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS

DEFAULT_SETTINGS.strict = True
SETUP = {'Stream': 'RTP-Unicast', 'Transport': {'Protocol': 'RTSP'}}


async def search_all(search):
    """All pages of a search."""
    begun = await search.FindRecordings({'Scope': {}, 'KeepAliveTime': datetime.timedelta(seconds=30)})
    token = begun if isinstance(begun, str) else begun.SearchToken
    found = []
    state = 'Searching'
    while state in ('Queued', 'Searching'):
        page = await search.GetRecordingSearchResults(
            {'SearchToken': token, 'MaxResults': 2, 'WaitTime': datetime.timedelta(seconds=1)}
        )
        page = getattr(page, 'ResultList', page)
        state = page.SearchState
        found += page.RecordingInformation or []
    await search.EndSearch({'SearchToken': token})
    return found


async def main():
    host, port, user, password = sys.argv[1:]
    camera = ONVIFCamera(host, int(port), user, password)
    await camera.update_xaddrs()
    search = await camera.create_search_service()
    replay = await camera.create_replay_service()
    control = await camera.create_recording_service()
    await search.GetServiceCapabilities()
    await replay.GetServiceCapabilities()
    await control.GetServiceCapabilities()
    summary = await search.GetRecordingSummary()
    recordings = await search_all(search)
    items = await control.GetRecordings()
    one = await search.GetRecordingInformation({'RecordingToken': recordings[0].RecordingToken})
    uri = await replay.GetReplayUri({'StreamSetup': SETUP, 'RecordingToken': one.RecordingToken})
    await camera.close()
    print(
        json.dumps(
            {
                'count': summary.NumberRecordings,
                'from': summary.DataFrom.isoformat(),
                'tokens': [recording.RecordingToken for recording in recordings],
                'tracks': [track.TrackType for track in recordings[0].Track],
                'listed': [item.RecordingToken for item in items],
                'uri': uri if isinstance(uri, str) else uri.Uri,
            }
        )
    )


asyncio.run(main())
