import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';
import { AV_PYTHON, describeWith } from '../../peers/programs/peers.ts';

const CONTROLLER = join(import.meta.dirname, '../../peers/clients/onvif-controls.py');
const GENERIC = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace';
const DEGREES = 'http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees';
const TOKEN = 'Relay <1> ü';
const RELAYS: Quirks = { relays: { [TOKEN]: { mode: 'Monostable', delaySeconds: 2, idle: 'closed' }, out: {} } };
const COMMANDS: Quirks = { commands: ['tt:IRLamp|On', 'tt:IRLamp|Off'], ptzCommands: ['tt:Wiper|On', 'own words'] };

describeWith(
  ['onvif-zeep-async'],
  "Home Assistant's library checks the simulated camera against the WSDL of ONVIF",
  () => {
    test.for<[string, Quirks, readonly string[]]>([
      ['in generic spaces', {}, [GENERIC]],
      ['in both', { spaces: ['degrees', 'absolute', 'field of view'], fieldOfViewRange: 100 }, [DEGREES, GENERIC]],
    ])('profiles, relays, auxiliary commands, positions and the field of view: %s', async ([, quirks, spaces]) => {
      await using camera = await startOnvifCamera({ quirks: { ...RELAYS, ...COMMANDS, ...quirks } });
      const { stdout } = await promisify(execFile)(AV_PYTHON, [CONTROLLER, '127.0.0.1', String(camera.port), 'main']);
      const relays = [
        [TOKEN, 'Monostable', 'closed'],
        ['out', 'Bistable', 'open'],
      ];
      expect(JSON.parse(stdout)).toEqual({
        profiles: camera.state.profiles.map(({ token }) => token),
        relays: { device: relays, deviceIO: relays },
        commands: COMMANDS.commands,
        nodeCommands: COMMANDS.ptzCommands,
        spaces,
        options: spaces,
        position: [0.25, -0.5, 0.75],
      });
      const { outputs } = camera.state;
      expect(outputs.isActive('out')).toBe(true);
      expect(outputs.relays.get(TOKEN)).toEqual({ mode: 'Monostable', delaySeconds: 2, idle: 'closed' });
      expect(outputs.commands).toHaveLength(4);
      // To the edge of the picture.
      expect(camera.ptz.position.x).toBeGreaterThan(0.25);
    });
  },
);
