"""A controller: PyPI's onvif-zeep-async, which here refuses answers that the WSDL of ONVIF does not permit.

Usage: onvif-controls.py HOST PORT PROFILE
Switches all relays and auxiliary commands of a camera, moves it, and prints what it was told as one line of JSON.
"""

import asyncio
import json
import sys

from onvif import ONVIFCamera
from onvif.settings import DEFAULT_SETTINGS

DEFAULT_SETTINGS.strict = True


async def relays_of(service):
    """The relays by one of the services that have them; the last one is switched on."""
    relays = await service.GetRelayOutputs()
    token = relays[-1].token
    await service.SetRelayOutputState({'RelayOutputToken': token, 'LogicalState': 'active'})
    return [[relay.token, relay.Properties.Mode, relay.Properties.IdleState] for relay in relays]


async def main():
    host, port, profile = sys.argv[1:]
    camera = ONVIFCamera(host, int(port), '', '')
    await camera.update_xaddrs()
    device = await camera.create_devicemgmt_service()
    device_io = await camera.create_deviceio_service()
    ptz = await camera.create_ptz_service()
    media = await camera.create_media_service()
    profiles = await media.GetProfiles()

    await device_io.GetServiceCapabilities()
    relays = {'device': await relays_of(device), 'deviceIO': await relays_of(device_io)}
    first = (await device_io.GetRelayOutputs())[0]
    first.Properties.Mode = 'Bistable'
    await device_io.SetRelayOutputSettings({'RelayOutput': first})
    properties = {'Mode': 'Monostable', 'DelayTime': first.Properties.DelayTime, 'IdleState': 'closed'}
    await device.SetRelayOutputSettings({'RelayOutputToken': first.token, 'Properties': properties})

    capabilities = await device.GetServiceCapabilities()
    commands = capabilities.Misc.AuxiliaryCommands
    await device.GetCapabilities({'Category': 'All'})
    for command in commands:
        await device.SendAuxiliaryCommand({'AuxiliaryCommand': command})

    node = (await ptz.GetNodes())[0]
    configuration = (await ptz.GetConfigurations())[0]
    options = await ptz.GetConfigurationOptions({'ConfigurationToken': configuration.token})
    for command in node.AuxiliaryCommands:
        await ptz.SendAuxiliaryCommand({'ProfileToken': profile, 'AuxiliaryData': command})
    spaces = node.SupportedPTZSpaces
    view = spaces.RelativePanTiltTranslationSpace[0].URI
    await ptz.AbsoluteMove(
        {'ProfileToken': profile, 'Position': {'PanTilt': {'x': 0.25, 'y': -0.5}, 'Zoom': {'x': 0.75}}}
    )
    status = await ptz.GetStatus({'ProfileToken': profile})
    await ptz.RelativeMove(
        {'ProfileToken': profile, 'Translation': {'PanTilt': {'x': 1, 'y': 0, 'space': view}}}
    )
    await camera.close()
    print(
        json.dumps(
            {
                'profiles': [one.token for one in profiles],
                'relays': relays,
                'commands': commands,
                'nodeCommands': node.AuxiliaryCommands,
                'spaces': [space.URI for space in spaces.AbsolutePanTiltPositionSpace],
                'options': [space.URI for space in options.Spaces.AbsolutePanTiltPositionSpace],
                'position': [status.Position.PanTilt.x, status.Position.PanTilt.y, status.Position.Zoom.x],
            }
        )
    )


asyncio.run(main())
