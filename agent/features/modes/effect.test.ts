import { expect, test } from 'vitest';
import { good, linesOf } from '../../../test/support/harness/loaded-config.ts';
import { linkOf } from '../../cameras/onvif/onvif-link.ts';
import { resolvePath } from '../../config/load/load.ts';
import type { Mode } from '../../config/values/modes.ts';
import { inMode } from './effect.ts';

const TEXT = `perch: own
paths:
  hall:
    source: rtsp://10.0.0.1/1
    record: always
    camera: {onvif: 'http://10.0.0.1/onvif/device_service'}
    modes:
      home: {privacy: yes}
      away: {record: motion}
      night: {record: no, audio: no, notify: no}
  hall_sub:
    source: rtsp://10.0.0.1/2
  yard:
    source: rtsp://10.0.0.2/1
    record: motion
  door:
    runOnInit: ffmpeg -i x -f rtsp y
    modes: {home: {privacy: yes}}
  ~^pub-:
    modes: {away: {privacy: yes}}
`;

const settings = (name: string, mode: Mode) => {
  const found = resolvePath(inMode(good(TEXT), mode), name)?.settings;
  return found && { record: found.record, audio: found.audio, isPrivate: found.isPrivate ?? false };
};

test('a mode changes what a camera records and whether it has audio; the rest is as configured', () => {
  expect(settings('hall', 'away')).toEqual({ record: 'motion', audio: true, isPrivate: false });
  expect(settings('hall', 'night')).toEqual({ record: 'no', audio: false, isPrivate: false });
  expect(settings('hall', 'home')).toEqual({ record: 'always', audio: true, isPrivate: true });
  expect(settings('yard', 'home')).toEqual({ record: 'motion', audio: true, isPrivate: false });
});

test('a sub stream is as private and as silent as its camera, and is not recorded with it', () => {
  expect(settings('hall_sub', 'home')).toEqual({ record: 'no', audio: true, isPrivate: true });
  expect(settings('hall_sub', 'night')).toEqual({ record: 'no', audio: false, isPrivate: false });
  expect(settings('hall_sub', 'away')).toEqual({ record: 'no', audio: true, isPrivate: false });
});

test('a mode without notifications silences the camera and its sub stream', () => {
  const isSilent = (name: string, mode: Mode) => resolvePath(inMode(good(TEXT), mode), name)?.settings?.isSilent;
  expect(['hall', 'hall_sub', 'yard'].map((name) => isSilent(name, 'night'))).toEqual([true, true, undefined]);
  expect(isSilent('hall', 'home')).toBeUndefined();
});

test('a mode applies to the paths of a pattern', () => {
  expect(settings('pub-1', 'away')).toMatchObject({ isPrivate: true });
  expect(settings('pub-1', 'home')).toMatchObject({ isPrivate: false });
});

test('a private camera gets no ONVIF requests, and no command publishes for it', () => {
  const config = inMode(good(TEXT), 'home');
  const of = (name: string) => resolvePath(config, name)?.settings;
  expect([of('hall'), of('hall')].map((one) => one && linkOf(one))).toEqual([undefined, undefined]);
  expect(of('door')?.runOnInit).toBe('');
  expect(resolvePath(inMode(good(TEXT), 'away'), 'door')?.settings?.runOnInit).toBe('ffmpeg -i x -f rtsp y');
});

test('a configuration without rules for the mode is used as it is', () => {
  const config = good('perch: own\npaths: {a: {modes: {home: {audio: no}}}}');
  expect(inMode(config, 'away')).toBe(config);
});

test('wrong modes, times and zones are reported with their lines', () => {
  const text = [
    'perch: own',
    'timetable: [{days: [mon, funday], from: 7 pm, mode: away}]',
    'timetableZone: Mars/Olympus',
    'paths: {a: {modes: {home: {record: sometimes}, party: {}}}}',
  ].join('\n');
  expect(linesOf(text, 'error')).toEqual([
    "perch.yml:2: timetable[0].days[1]: 'funday' is not one of mon, tue, wed, thu, fri, sat, sun",
    "perch.yml:2: timetable[0].from: '7 pm' is not a time of day: write for example 07:30",
    "perch.yml:3: timetableZone: 'Mars/Olympus' is not a time zone: write for example Europe/Vienna",
    "perch.yml:4: paths.a.modes.home.record: 'sometimes' is not one of no, always, motion",
  ]);
  expect(linesOf(text, 'warn')).toEqual(['perch.yml:4: paths.a.modes.party: unknown key']);
});

test('an entry without a day and more entries than hours of the week are rejected', () => {
  expect(linesOf("perch: own\ntimetable: [{days: [], from: '07:00', mode: away}]", 'error')).toEqual([
    'perch.yml:2: timetable[0].days: has no day: write for example [mon, tue]',
  ]);
  const many = Array.from({ length: 169 }, () => "{days: [mon], from: '07:00', mode: away}").join(', ');
  expect(linesOf(`perch: own\ntimetable: [${many}]`, 'error')).toEqual([
    'perch.yml:2: timetable: has 169 entries, the limit is 168',
  ]);
});
