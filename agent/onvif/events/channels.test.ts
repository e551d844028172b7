import { expect, test } from 'vitest';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError } from '../soap/http/failures.ts';
import { find, readXml } from '../soap/xml/xml.ts';
import { readChannels } from './channels.ts';
import type { Notification } from './notifications.ts';

const profile = (token: string, lens: string) =>
  `<Profiles token="${token}"><Configurations><VideoSource token="${lens}_config"><SourceToken>${lens}</SourceToken></VideoSource>` +
  '<VideoEncoder token="e"><Encoding>H264</Encoding></VideoEncoder></Configurations></Profiles>';
const configuration = (lens: string) =>
  `<Configurations token="${lens}_config"><SourceToken>${lens}</SourceToken></Configurations>`;

/** A recorder with two lenses, each with a main and a sub stream. */
function recorder(tellsConfigurations = true): OnvifSession {
  const replies: Record<string, string> = {
    GetProfilesResponse: `${profile('m1', 'lens1')}${profile('s1', 'lens1')}${profile('m2', 'lens2')}`,
    GetVideoSourceConfigurationsResponse: `${configuration('lens1')}${configuration('lens2')}`,
  };
  return {
    host: 'nvr',
    has: (service: string) => service === 'media2',
    call: async (_service: string, _body: string, response: string) => {
      if (response !== 'GetProfilesResponse' && !tellsConfigurations) {
        throw cameraError('notSupported', 'not implemented');
      }
      const text = `<a><${response}>${replies[response]}</${response}></a>`;
      return find(readXml(Buffer.from(text), 100_000), response);
    },
  } as unknown as OnvifSession;
}

const from = (name: string, value: string): Notification => ({
  topic: ['RuleEngine', 'CellMotionDetector', 'Motion'],
  operation: 'changed',
  source: [{ name, value }],
  data: [],
});

const USERS = [
  { path: 'yard', profile: 'm1' },
  { path: 'yard_sub', profile: 's1' },
];

test.for([
  ['a rule of its lens, named by the configuration', 'VideoSourceConfigurationToken', 'lens1_config', 'yard'],
  ['its lens itself', 'Source', 'lens1', 'yard'],
  ['a contact, which has no lens', 'InputToken', 'lens2', 'yard'],
  ['an unknown lens', 'Source', 'lens9', 'yard'],
  ['another lens, which no path plays', 'Source', 'lens2', ''],
  ['a rule of another lens', 'VideoSourceConfigurationToken', 'lens2_config', ''],
] as const)("a recorder's path gets events of its own lens: %s", async ([, name, value, expected]) => {
  const channels = await readChannels(recorder(), USERS);
  expect(channels.of(from(name, value))).toBe(expected);
});

test('paths of one lens hear together, those of another for themselves', async () => {
  const channels = await readChannels(recorder(), [...USERS, { path: 'gate', profile: 'm2' }]);
  expect(channels.of(from('Source', 'lens2'))).toBe('gate');
  expect(channels.paths('gate')).toEqual(['gate']);
  expect(channels.paths('yard')).toEqual(['yard', 'yard_sub']);
});

test('a recorder without reported configurations is matched by its lenses', async () => {
  const channels = await readChannels(recorder(false), USERS);
  expect(channels.of(from('Source', 'lens2'))).toBe('');
  expect(channels.of(from('VideoSourceConfigurationToken', 'lens2_config'))).toBe('yard');
});

test('an event of one channel ends there only, if the recorder does not describe its channels next time', async () => {
  const silent = {
    ...recorder(),
    call: () => Promise.reject(cameraError('badReply', 'not now')),
  } as unknown as OnvifSession;
  const channels = await readChannels(silent, [...USERS, { path: 'gate', profile: 'm2' }]);
  expect(channels.of(from('Source', 'lens2'))).toBe('yard');
  expect(channels.paths('yard')).toEqual(['yard', 'yard_sub', 'gate']);
  expect(channels.paths('gate')).toEqual(['gate']);
});

test('an offline recorder is not a camera with one channel', async () => {
  const away = {
    ...recorder(),
    call: () => Promise.reject(cameraError('unreachable', 'no answer')),
  } as unknown as OnvifSession;
  await expect(readChannels(away, USERS)).rejects.toThrow(PerchError);
});
