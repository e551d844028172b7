"""A recorder: PyPI's onvif-zeep-async, Home Assistant's library, which here refuses answers that the WSDL of ONVIF does not permit.

Usage: onvif-recorder.py HOST PORT USER PASSWORD PICTURE
Prints one line of JSON after the first motion; writes the snapshot of the first profile to the file PICTURE.
"""

import asyncio
import datetime
import json
import sys
import time

from aiohttp import web
from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS

DEFAULT_SETTINGS.strict = True
MOTION = 'tns1:RuleEngine/CellMotionDetector/Motion'
SETUP = {'Stream': 'RTP-Unicast', 'Transport': {'Protocol': 'RTSP'}}


async def profiles_of(camera):
    media = await camera.create_media_service()
    await media.GetVideoSources()
    await media.GetVideoSourceConfigurations()
    await media.GetAudioSources()
    encoders = {encoder.token: encoder for encoder in await media.GetVideoEncoderConfigurations()}
    profiles = []
    for profile in await media.GetProfiles():
        encoder = encoders[profile.VideoEncoderConfiguration.token]
        await media.GetVideoEncoderConfigurationOptions({'ConfigurationToken': encoder.token})
        stream = await media.GetStreamUri({'StreamSetup': SETUP, 'ProfileToken': profile.token})
        profiles.append(
            {
                'token': profile.token,
                'encoding': encoder.Encoding,
                'width': encoder.Resolution.Width,
                'height': encoder.Resolution.Height,
                'fps': encoder.RateControl.FrameRateLimit,
                'uri': stream.Uri,
            }
        )
    return profiles


async def turned(camera, profile):
    """Spaces of absolute positions, and where the camera looks after it was moved to one."""
    ptz = await camera.create_ptz_service()
    configuration = (await ptz.GetConfigurations())[0]
    await ptz.GetConfigurationOptions({'ConfigurationToken': configuration.token})
    spaces = (await ptz.GetNodes())[0].SupportedPTZSpaces
    await ptz.AbsoluteMove(
        {'ProfileToken': profile, 'Position': {'PanTilt': {'x': 0.25, 'y': -0.5}, 'Zoom': {'x': 0.75}}}
    )
    position = (await ptz.GetStatus({'ProfileToken': profile})).Position
    return {
        'spaces': [space.URI for space in spaces.AbsolutePanTiltPositionSpace + spaces.AbsoluteZoomPositionSpace],
        'position': [position.PanTilt.x, position.PanTilt.y, position.Zoom.x],
    }


async def topics_of(camera):
    """Topics with a true state, until one is motion."""
    events = await camera.create_events_service()
    await events.GetEventProperties()
    manager = await camera.create_pullpoint_manager(datetime.timedelta(seconds=60), lambda: None)
    pullpoint = manager.get_service()
    await manager.set_synchronization_point()
    topics = []
    ends = time.monotonic() + 20
    while MOTION not in topics and time.monotonic() < ends:
        pulled = await pullpoint.PullMessages({'Timeout': datetime.timedelta(seconds=5), 'MessageLimit': 50})
        for message in pulled.NotificationMessage or []:
            items = message.Message._value_1.Data.SimpleItem
            if any(item.Value == 'true' for item in items):
                topics.append(message.Topic._value_1)
    await manager.shutdown()
    return topics


async def pushed_topics(camera):
    """Topics that are sent to this program, as to Home Assistant's web hook, until one is true."""
    received = asyncio.Queue()

    async def take(request):
        received.put_nowait(await request.read())
        return web.Response()

    runner = web.AppRunner(web.Application())
    runner.app.router.add_post('/hook', take)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    manager = await camera.create_notification_manager(
        f'http://127.0.0.1:{port}/hook', datetime.timedelta(seconds=60), lambda: None
    )
    await manager.set_synchronization_point()
    topics = set()
    is_on = False
    while not is_on:
        notify = manager.process(await asyncio.wait_for(received.get(), 20))
        for message in notify.NotificationMessage:
            topics.add(message.Topic._value_1)
            is_on = is_on or any(item.Value == 'true' for item in message.Message._value_1.Data.SimpleItem)
    await manager.shutdown()
    await runner.cleanup()
    return sorted(topics)


async def main():
    host, port, user, password, picture = sys.argv[1:]
    camera = ONVIFCamera(host, int(port), user, password)
    await camera.update_xaddrs()
    device = await camera.create_devicemgmt_service()
    information = await device.GetDeviceInformation()
    await device.GetScopes()
    await device.GetNetworkInterfaces()
    await device.GetUsers()
    profiles = await profiles_of(camera)
    with open(picture, 'wb') as file:
        file.write(await camera.get_snapshot(profiles[0]['token']))
    ptz = await turned(camera, profiles[0]['token'])
    topics = await topics_of(camera)
    pushed = await pushed_topics(camera)
    await camera.close()
    print(
        json.dumps(
            {
                'manufacturer': information.Manufacturer,
                'profiles': profiles,
                'ptz': ptz,
                'topics': topics,
                'pushed': pushed,
            }
        )
    )


asyncio.run(main())
