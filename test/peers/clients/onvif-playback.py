"""A recorder that fetches recordings: PyPI's onvif-zeep-async, which here refuses answers that the WSDL of ONVIF does not permit.

Usage: onvif-playback.py HOST PORT USER PASSWORD
Prints one line of JSON.
"""

import asyncio
import datetime
import json
import sys

from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS

DEFAULT_SETTINGS.strict = True
KEEP = datetime.timedelta(seconds=30)
SETUP = {'Stream': 'RTP-Unicast', 'Transport': {'Protocol': 'RTSP'}}
EPOCH = datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone.utc)


async def events_of(search):
    """Times and values of tns1:RecordingHistory/Recording/State, in pages of two."""
    token = await search.FindEvents(
        {
            'StartPoint': EPOCH,
            'EndPoint': EPOCH + datetime.timedelta(days=1),
            'Scope': {},
            'SearchFilter': {},
            'IncludeStartState': False,
            'KeepAliveTime': KEEP,
        }
    )
    events = []
    state = 'Searching'
    while state != 'Completed':
        page = await search.GetEventSearchResults({'SearchToken': token, 'MaxResults': 2, 'WaitTime': KEEP})
        state = page.SearchState
        for result in page.Result:
            if result.Event.Topic._value_1 == 'tns1:RecordingHistory/Recording/State':
                value = result.Event.Message._value_1.Data.SimpleItem[0].Value
                events.append([result.Time.timestamp(), value])
    await search.EndSearch({'SearchToken': token})
    return events


async def main():
    host, port, user, password = sys.argv[1:]
    camera = ONVIFCamera(host, int(port), user, password)
    await camera.update_xaddrs()
    device = await camera.create_devicemgmt_service()
    await device.GetCapabilities({'Category': 'All'})
    recording = await camera.create_recording_service()
    search = await camera.create_search_service()
    replay = await camera.create_replay_service()
    for service in (recording, search, replay):
        await service.GetServiceCapabilities()
    recordings = await recording.GetRecordings()
    token = recordings[0].RecordingToken
    tracks = [track.TrackToken for track in recordings[0].Tracks.Track]
    await recording.GetRecordingConfiguration({'RecordingToken': token})
    await recording.GetRecordingOptions({'RecordingToken': token})
    await recording.GetTrackConfiguration({'RecordingToken': token, 'TrackToken': tracks[0]})
    for job in await recording.GetRecordingJobs():
        await recording.GetRecordingJobConfiguration({'JobToken': job.JobToken})
        await recording.GetRecordingJobState({'JobToken': job.JobToken})
    summary = await search.GetRecordingSummary()
    information = await search.GetRecordingInformation({'RecordingToken': token})
    attributes = await search.GetMediaAttributes({'RecordingTokens': [token], 'Time': information.EarliestRecording})
    found = await search.FindRecordings({'Scope': {'IncludedRecordings': [token]}, 'KeepAliveTime': KEEP})
    results = await search.GetRecordingSearchResults({'SearchToken': found})
    configuration = await replay.GetReplayConfiguration()
    await replay.SetReplayConfiguration({'Configuration': configuration})
    uri = await replay.GetReplayUri({'StreamSetup': SETUP, 'RecordingToken': token})
    seen = {
        'replay': camera.xaddrs['http://www.onvif.org/ver10/replay/wsdl'],
        'tokens': [item.RecordingToken for item in recordings],
        'tracks': tracks,
        'from': summary.DataFrom.timestamp(),
        'until': summary.DataUntil.timestamp(),
        'found': [item.RecordingToken for item in results.RecordingInformation],
        'state': results.SearchState,
        'width': attributes[0].TrackAttributes[0].VideoAttributes.Width,
        'events': await events_of(search),
        'uri': uri,
    }
    await camera.close()
    print(json.dumps(seen))


asyncio.run(main())
