import { expect, onTestFinished, test, vi } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { silentLogger } from '../../base/log.ts';
import { openSession } from '../device/onvif-session.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { auxiliariesOf } from './auxiliary.ts';
import { OnvifControl } from './onvif-control.ts';

const LOGIN = { user: 'admin', password: 'secret' };

async function begin(quirks: Quirks = {}, states: ReadonlyMap<string, boolean> = new Map()) {
  const clock = new FakeClock();
  const camera = await startOnvifCamera({ quirks, clock, credentials: LOGIN });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(clock);
  const { signal } = new AbortController();
  const open = () => openSession({ url: camera.url, ...LOGIN, signal, clock, logins });
  const control = new OnvifControl({
    ...{ open, profile: undefined, clock, log: silentLogger, isRelayOn: (token) => states.get(token) },
  });
  onTestFinished(() => control.close());
  return { clock, camera, outputs: control.outputs, switched: camera.state.outputs };
}

const ODD = 'Relay <1>/& "out"  ü';

test('a camera without relays and auxiliary commands has no outputs', async () => {
  const { outputs } = await begin();
  expect(await outputs.list()).toEqual([]);
  await expect(outputs.set('relay-1', true)).rejects.toMatchObject({ code: 'notFound' });
});

test.for<[string, Quirks]>([
  ['in both services', {}],
  ['in the device service alone', { relaysAt: 'device' }],
  ['in Device I/O alone', { relaysAt: 'deviceIO' }],
  ['in the device service, and an empty list in Device I/O', { relaysAt: 'empty deviceIO' }],
  ['in Device I/O, which takes its own namespace alone', { relaysAt: 'deviceIO', wantsDeviceIoNamespace: true }],
  ['in a camera without GetServices', { hasNoGetServices: true }],
  ['in a camera with one path for all', { hasOnePath: true, devicePath: '/onvif/service' }],
  ['in a camera without PTZ', { ptz: 'none' }],
])('a relay is listed and switched: %s', async ([, quirks]) => {
  const { outputs, switched } = await begin({ ...quirks, relays: { out: {} } });
  const [relay, ...others] = await outputs.list();
  expect(others).toEqual([]);
  const settings = { mode: 'bistable', seconds: null, idle: 'open' };
  expect(relay).toEqual({
    ...{ id: 'relay-out', kind: 'relay', name: 'Relay', isOn: null, isMomentary: false, relay: settings },
  });
  await outputs.set('relay-out', true);
  expect(switched.contact('out')).toBe('closed');
  await outputs.set('relay-out', false);
  expect(switched.contact('out')).toBe('open');
});

test('a relay that is closed while it is off opens when it is switched on', async () => {
  const { outputs, switched } = await begin({ relays: { gate: { idle: 'closed' } } });
  expect((await outputs.list())[0]?.relay?.idle).toBe('closed');
  await outputs.set('relay-gate', true);
  expect(switched.contact('gate')).toBe('open');
});

test('a relay whose state is known has it by its own token; commands have none', async () => {
  const states = new Map([[ODD, true]]);
  const { outputs } = await begin(
    { relays: { [ODD]: {}, 2: {} }, commands: ['tt:IRLamp|On', 'tt:IRLamp|Off'] },
    states,
  );
  const isOn = async () => (await outputs.list()).map((one) => one.isOn);
  expect(await isOn()).toEqual([null, true, null]);
  states.set(ODD, false);
  expect(await isOn()).toEqual([null, false, null]);
  expect(await outputs.setRelay('relay-Relay <1>/& "out" ü', { idle: 'closed' })).toMatchObject({ isOn: false });
});

test('relays with tokens of any characters keep their ids', async () => {
  const { outputs, switched } = await begin({ relays: { [ODD]: {}, 'Relay <1>/& "out" ü': {}, 2: {} } });
  const found = await outputs.list();
  // The two tokens differ in a space alone: the first one has the id.
  expect(found.map(({ id, name }) => [id, name])).toEqual([
    ['relay-2', 'Relay 1'],
    ['relay-Relay <1>/& "out" ü', 'Relay 2'],
  ]);
  await outputs.set('relay-Relay <1>/& "out" ü', true);
  expect(switched.isActive(ODD)).toBe(true);
  expect(switched.isActive('2')).toBe(false);
});

test.for([false, true])(
  'a monostable relay goes off by itself; off before that is no error (refused: %s)',
  async (refusesRelayOff) => {
    const { outputs, switched, clock } = await begin({
      refusesRelayOff,
      relays: { door: { mode: 'Monostable', delaySeconds: 3 } },
    });
    const [relay] = await outputs.list();
    expect(relay).toMatchObject({ isMomentary: true, relay: { mode: 'monostable', seconds: 3 } });
    await outputs.set('relay-door', true);
    expect(switched.isActive('door')).toBe(true);
    await outputs.set('relay-door', false);
    expect(switched.isActive('door')).toBe(refusesRelayOff);
    await clock.advance(3_000);
    expect(switched.isActive('door')).toBe(false);
  },
);

test.for<[string, Quirks]>([
  ['Device I/O', {}],
  ['the device service', { relaysAt: 'device' }],
])('a relay stays on after its mode was set by %s', async ([, quirks]) => {
  const { outputs, switched, clock } = await begin({
    ...quirks,
    relays: { door: { mode: 'Monostable', delaySeconds: 1, idle: 'closed' } },
  });
  const settings = { mode: 'bistable', seconds: null, idle: 'closed' };
  expect(await outputs.setRelay('relay-door', { mode: 'bistable' })).toMatchObject({
    isMomentary: false,
    relay: settings,
  });
  await outputs.set('relay-door', true);
  await clock.advance(60_000);
  expect(switched.contact('door')).toBe('open');
  const pulse = { mode: 'monostable', seconds: 5 } as const;
  expect(await outputs.setRelay('relay-door', pulse)).toMatchObject({ isMomentary: true, relay: pulse });
});

test('settings that a camera accepts and ignores are told as they are', async () => {
  const { outputs } = await begin({ relays: { door: {} }, ignoresRelaySettings: true });
  expect(await outputs.setRelay('relay-door', { mode: 'monostable', seconds: 5 })).toMatchObject({
    isMomentary: false,
  });
});

const LAMP = ['tt:IRLamp|On', 'tt:IRLamp|Off', 'tt:IRLamp|Auto'];
const WIPER = ['tt:Wiper|On', 'tt:Wiper|Off'];

test.for<[string, Quirks, string]>([
  ['of the device service', { commands: [...LAMP, ...WIPER] }, 'device'],
  ['that GetCapabilities alone lists', { commands: [...LAMP, ...WIPER], hasNoServiceCapabilities: true }, 'device'],
  ['of the PTZ node', { ptzCommands: [...LAMP, ...WIPER] }, 'ptz'],
  [
    'that the device service lists and only PTZ takes',
    { ptzCommands: [...LAMP, ...WIPER], refusesDeviceCommands: true },
    'ptz',
  ],
])('auxiliary commands %s are outputs; off is the automatic mode where there is one', async ([, quirks, service]) => {
  const { outputs, switched } = await begin(quirks);
  expect((await outputs.list()).map(({ id, kind, name }) => [id, kind, name])).toEqual([
    ['aux-IRLamp', 'light', 'Infrared lamp'],
    ['aux-Wiper', 'wiper', 'Wiper'],
  ]);
  await outputs.set('aux-IRLamp', true);
  await outputs.set('aux-IRLamp', false);
  await outputs.set('aux-Wiper', false);
  expect(switched.commands).toEqual(
    ['tt:IRLamp|On', 'tt:IRLamp|Auto', 'tt:Wiper|Off'].map((one) => `${service} ${one}`),
  );
});

test('a command that has no opposite ends by itself', async () => {
  const { outputs, switched } = await begin({ ptzCommands: ['tt:WashingProcedure|On'] });
  expect(await outputs.list()).toMatchObject([
    { id: 'aux-WashingProcedure', name: 'Washing procedure', isMomentary: true },
  ]);
  await outputs.set('aux-WashingProcedure', false);
  await outputs.set('aux-WashingProcedure', true);
  expect(switched.commands).toEqual(['ptz tt:WashingProcedure|On']);
});

test('a camera that does not reply to questions for relays has the other outputs', async () => {
  const { outputs, clock } = await begin({ answers: { GetRelayOutputs: 'never' }, ptzCommands: WIPER });
  const found = outputs.list();
  let isDone = false;
  void found.finally(() => {
    isDone = true;
  });
  await vi.waitFor(
    async () => {
      await clock.advance(1_000);
      expect(isDone).toBe(true);
    },
    { interval: 5, timeout: 10_000 },
  );
  expect(await found).toMatchObject([{ id: 'aux-Wiper' }]);
});

test('switching does not read the list again, nor does another look at it within a minute', async () => {
  const { outputs, camera, clock } = await begin({ relays: { out: {} } });
  await outputs.list();
  const before = camera.operations.length;
  await outputs.set('relay-out', true);
  await outputs.list();
  expect(camera.operations.slice(before)).toEqual(['SetRelayOutputState']);
  await clock.advance(60_000);
  await outputs.list();
  expect(camera.operations.slice(before)).toContain('GetRelayOutputs');
});

test.for([
  [['tt:WhiteLight|On', 'tt:WhiteLight|Off'], 'aux WhiteLight light White light'],
  [['tt:Irlamp|On', 'tt:IRLamp|Off'], 'aux Irlamp light Infrared lamp'],
  [['whiteLightOn', 'whiteLightOff'], 'aux whiteLight light White light'],
  [['white_light_on', 'white_light_off'], 'aux white_light light White light'],
  [['Siren On', 'Siren Off'], 'aux Siren siren Siren'],
  [['tt:AudioAlarm|Start', 'tt:AudioAlarm|Stop'], 'aux AudioAlarm siren Audio alarm'],
  [['AUX1_ON', 'AUX1_OFF'], 'aux AUX1 other AUX1'],
  [['tt:Tracking|On', 'tt:Tracking|Off'], 'aux Tracking other Tracking'],
  [['Aux2On', 'Aux2Off'], 'aux Aux2 other Aux 2'],
  [['tt:Heater|Off'], undefined],
  [['', ' ', '|On', 'x'.repeat(200)], undefined],
] as const)('commands %j are %s', ([commands, expected]) => {
  const [found] = auxiliariesOf(commands);
  expect(found && `aux ${found.word} ${found.kind} ${found.name}`).toBe(expected);
});

test('any texts of commands become few outputs with names of one line', () => {
  const next = random(41);
  for (let i = 0; i < 2_000; i += 1) {
    const commands = [...LAMP, ...WIPER].map((one) => Buffer.from(mutate(Buffer.from(one), next)).toString('latin1'));
    for (const { word, name, on } of auxiliariesOf([...commands, ...commands])) {
      expect(commands).toContain(on);
      expect(word).not.toBe('');
      expect(name).not.toMatch(/[\r\n\t]/);
    }
  }
  expect(auxiliariesOf(Array.from({ length: 10_000 }, (_, i) => `Aux ${i} On`)).length).toBeLessThanOrEqual(64);
});
