import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { problemText } from '../yaml/problem.ts';
import { parseConfig } from './load.ts';

const load = (text: string, env = {}) =>
  parseConfig(text, 'perch.yml', env, { recordPath: '/r/%path/%s-%f', cwd: '/', keys: KEYS });
const usersOf = (text: string, env = {}) => load(text, env).config?.authInternalUsers;

const EVERYBODY = [
  { user: 'any', pass: '', ips: [], permissions: [{ action: 'playback', path: '' }] },
  {
    user: 'any',
    pass: '',
    ips: ['127.0.0.1/32', '::1/128'],
    permissions: ['api', 'metrics', 'pprof'].map((action) => ({ action, path: '' })),
  },
];
const one = (action: string, path: string, user = 'any', pass = '', ips: string[] = []) => ({
  user,
  pass,
  ips,
  permissions: [{ action, path }],
});

test('users of a path may read and publish only there, and paths without users are open', () => {
  const text = `paths:
  door: {publishUser: cam, publishPass: x, publishIPs: [192.168.1.0/24], readUser: tom, readPass: y}
  yard:
`;
  expect(usersOf(text)).toEqual([
    ...EVERYBODY,
    one('publish', 'door', 'cam', 'x', ['192.168.1.0/24']),
    one('read', 'door', 'tom', 'y'),
    one('publish', 'yard'),
    one('read', 'yard'),
  ]);
  expect(load(text).problems.map(problemText)).toEqual([
    'perch.yml:2: paths.door.publishUser: users of single paths are called authInternalUsers now',
  ]);
});

test('users of pathDefaults apply to each path without its own', () => {
  const text =
    'pathDefaults: {readUser: tom, readPass: y}\npaths:\n  all_others:\n  "~^cam":\n    readUser: eve\n    readPass: z\n';
  expect(usersOf(text)).toEqual([
    ...EVERYBODY,
    one('publish', '~^.*$'),
    one('read', '~^.*$', 'tom', 'y'),
    one('publish', '~^cam'),
    one('read', '~^cam', 'eve', 'z'),
  ]);
});

test('they are read from the environment too', () => {
  const env = { MTX_PATHS_DOOR_READUSER: 'tom', MTX_PATHS_DOOR_READPASS: 'y', MTX_PATHS_DOOR_READIPS: '10.0.0.1' };
  expect(usersOf('paths:\n  door:\n', env)?.at(-1)).toEqual(one('read', 'door', 'tom', 'y', ['10.0.0.1/32']));
});

test("MediaMTX's default users may be written explicitly; empty ones count as absent", () => {
  const written =
    'authInternalUsers:\n- user: any\n  permissions: [{action: publish}, {action: read}, {action: playback}]\n' +
    '- user: any\n  ips: ["127.0.0.1", "::1"]\n  permissions: [{action: api}, {action: metrics}, {action: pprof}]\n';
  expect(usersOf(`${written}paths:\n  a: {readUser: tom}\n`)).toEqual([
    ...EVERYBODY,
    one('publish', 'a'),
    one('read', 'a', 'tom'),
  ]);
  expect(usersOf('perch: own\npaths:\n  a: {readUser: "", readPass: , publishIPs: []}\n')).toEqual([]);
});

test('the former externalAuthenticationURL is authHTTPAddress', () => {
  const { config, problems } = load('externalAuthenticationURL: http://127.0.0.1:9000/auth');
  expect(config).toMatchObject({ authMethod: 'http', authHTTPAddress: 'http://127.0.0.1:9000/auth' });
  expect(problems.map(problemText)).toEqual([
    'perch.yml:1: externalAuthenticationURL: this key is called authHTTPAddress now, with authMethod: http',
  ]);
});

test('a path with an invalid name is disabled alone', () => {
  const { config, problems } = load('paths:\n  "~(": {readUser: a, readPass: b}\n  cam:\n');
  expect(config?.authInternalUsers).toEqual([...EVERYBODY, one('publish', 'cam'), one('read', 'cam')]);
  expect(problems.filter(({ severity }) => severity === 'error').map(({ key }) => key)).toEqual(['paths.~(']);
});
