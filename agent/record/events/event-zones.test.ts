import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import type { CameraEvent, EventLabel } from './event.ts';
import { EventHub } from './event-hub.ts';
import { EventJournal } from './event-journal.ts';
import { readEventLine, writeEventLine } from './event-line.ts';
import { isInZone } from './event-zones.ts';

function startHub() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const journal = new EventJournal({ folder: folder.path, logger: silentLogger });
  const hub = new EventHub(journal, clock, silentLogger);
  const heard: (readonly string[] | undefined)[] = [];
  hub.listen(({ zones }) => heard.push(zones));
  hub.locate((path, x, y) => (path !== 'cam' ? undefined : y > 0.5 ? [x < 0.5 ? 'Drive' : 'Lawn'] : []));
  onTestFinished(async () => {
    await hub.close();
    folder[Symbol.dispose]();
  });
  const person = (x: number, y: number): EventLabel => ({
    ...{ type: 'person', score: 0.7, at: clock.wallMs() * 1000 },
    box: { x, y, width: 0.1, height: 0.3 },
  });
  const written = async () => {
    const events: CameraEvent[] = [];
    await journal.replay({ addEvent: (event) => events.push(event) });
    return events;
  };
  return { hub, heard, person, written };
}

const MOTION = { path: 'cam', id: 'a', type: 'motion', source: 'stream' } as const;

test('a label has its own zones, none where it is in none, and is without where the zones of the path are not known', async () => {
  const { hub, person, written } = startHub();
  await hub.add({ ...MOTION, state: 'start', zones: ['Drive'] });
  await hub.label('cam', 'a', [person(0.8, 0.7), person(0.1, 0.1)]);
  expect((await written()).at(-1)?.labels?.map(({ zones }) => zones)).toEqual([['Lawn'], []]);
  // Of a camera of another box: as that box says.
  await hub.add({ ...MOTION, path: 'remote', state: 'start', zones: ['Gate'] });
  await hub.label('remote', 'a', [{ ...person(0.8, 0.7), zones: ['Gate'] }, person(0.8, 0.7)]);
  expect(hub.running('remote')[0]?.labels?.map(({ zones }) => zones)).toEqual([['Gate'], undefined]);
});

test.for<[string, string, readonly string[], boolean]>([
  ['as motion', 'Drive', ['motion'], true],
  ['as a person that stands there', 'Lawn', ['person'], true],
  ['as a person that stands elsewhere', 'Drive', ['person'], false],
  ['as a vehicle whose zones are not known', 'Drive', ['vehicle'], true],
  ['as an animal, which it has not', 'Drive', ['animal'], false],
  ['in another zone', 'Porch', ['motion', 'person', 'vehicle'], false],
])('an event with motion and objects is in a zone %s', ([, zone, types, is]) => {
  const label = { score: 1, box: { x: 0, y: 0, width: 1, height: 1 }, at: 0 };
  const labels = [
    { ...label, type: 'person' as const, zones: ['Lawn'] },
    { ...label, type: 'vehicle' as const },
  ];
  expect(isInZone({ type: 'motion', zones: ['Drive', 'Lawn'], labels }, zone, types)).toBe(is);
});

test('an event has the zones in which it begins and those that it comes into, each reported once and stored', async () => {
  const { hub, heard, written } = startHub();
  await hub.add({ ...MOTION, state: 'start', zones: ['Street'] });
  await hub.enter('cam', 'a', ['Street', 'Drive']);
  await hub.enter('cam', 'a', ['Drive']);
  expect(await written()).toMatchObject([{ endUs: undefined, zones: ['Drive', 'Street'] }]);
  await hub.add({ ...MOTION, state: 'end', zones: ['Street', 'Drive', 'Porch'] });
  expect(heard).toEqual([['Street'], ['Drive', 'Street'], ['Drive', 'Porch', 'Street']]);
  expect(await written()).toMatchObject([{ zones: ['Drive', 'Porch', 'Street'] }]);
  await expect(hub.enter('cam', 'a', ['Lawn'])).rejects.toThrow("no event 'a' in path 'cam' is ongoing");
});

test('the zones of a label are those where its box ends below', async () => {
  const { hub, person } = startHub();
  await hub.add({ ...MOTION, state: 'start', zones: ['Street'] });
  await hub.label('cam', 'a', [person(0.1, 0.1)]);
  expect(hub.running('cam')).toMatchObject([{ zones: ['Street'] }]);
  await hub.label('cam', 'a', [person(0.1, 0.3), person(0.8, 0.7)]);
  expect(hub.running('cam')).toMatchObject([{ zones: ['Drive', 'Lawn', 'Street'] }]);
  expect(await hub.add({ ...MOTION, state: 'end' })).toMatchObject({ zones: ['Drive', 'Lawn', 'Street'] });
  // Of a program, which reports an event with its labels.
  const reported = { path: 'cam', type: 'person', source: 'api', labels: [person(0.1, 0.4)] } as const;
  expect(await hub.add(reported)).toMatchObject({ zones: ['Drive'] });
  expect((await hub.add({ ...reported, labels: [] })).zones).toBeUndefined();
});

test('an event has each zone in which a label is, also of more than a label keeps', async () => {
  const { hub, person } = startHub();
  const all = ['A', 'B', 'C', 'D', 'E', 'F'];
  hub.locate(() => all);
  await hub.add({ ...MOTION, state: 'start' });
  await hub.label('cam', 'a', [person(0.1, 0.3)]);
  expect(hub.running('cam')).toMatchObject([{ zones: all, labels: [{ zones: ['A', 'B', 'C', 'D'] }] }]);
  const reported = { path: 'cam', type: 'person', source: 'api', labels: [person(0.1, 0.4)] } as const;
  expect(await hub.add(reported)).toMatchObject({ zones: all });
});

const LINE: CameraEvent = {
  ...{ id: 'a', path: 'cam', type: 'motion', startUs: 10, endUs: 20, text: '', source: 'stream' as const },
  zones: ['Drive', '车道'],
};

test('zones of a line come back without those that are invalid', () => {
  expect(readEventLine(writeEventLine(LINE), 'cam')).toEqual(LINE);
  const line = (zones: unknown) => readEventLine(JSON.stringify({ ...LINE, zones }), 'cam')?.zones;
  expect(line(['b', 'a', 'a', 1, null, 'x,y', '', 'x'.repeat(33)])).toEqual(['a', 'b']);
  expect([line([]), line('Drive'), line(undefined)]).toEqual([undefined, undefined, undefined]);
  expect(line(Array.from({ length: 100 }, (_, i) => `Zone ${i}`))).toHaveLength(16);
});

test('a line that would be too long has no zones of labels, then no labels, and then no zones', () => {
  const zones = Array.from({ length: 16 }, (_, i) => `${'z'.repeat(30)}${i + 10}`);
  const box = { x: 0.1234, y: 0.1234, width: 0.1234, height: 0.1234 };
  const labels = Array.from({ length: 8 }, () => ({ type: 'vehicle' as const, score: 0.1234, box, at: 2 ** 52 }));
  const read = (text: string) => readEventLine(writeEventLine({ ...LINE, text, labels, zones }), 'cam');
  expect(read('x'.repeat(500))).toMatchObject({ labels, zones });
  const placed = labels.map((label) => ({ ...label, zones: zones.slice(0, 4) }));
  const long = { ...LINE, labels: placed, zones };
  expect(readEventLine(writeEventLine(long), 'cam')).toEqual(long);
  const tooLong = { ...long, text: '\u0001'.repeat(250) };
  expect(readEventLine(writeEventLine(tooLong), 'cam')).toEqual({ ...tooLong, labels });
  expect(read('\u0001'.repeat(450))).toMatchObject({ labels: undefined, zones });
  expect(read(`\u0001${'\u0002'.repeat(499)}`)).toMatchObject({ labels: undefined, zones });
});
