import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import type { CameraEvent, EventLabel } from './event.ts';
import { EventHub } from './event-hub.ts';
import { EventJournal } from './event-journal.ts';
import { readEventLine, writeEventLine } from './event-line.ts';

const BOX = { x: 0.25, y: 0.5, width: 0.1, height: 0.3 };

function startHub() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const journal = new EventJournal({ folder: folder.path, logger: silentLogger });
  const hub = new EventHub(journal, clock, silentLogger);
  const heard: [event: CameraEvent, known: CameraEvent | undefined][] = [];
  hub.listen((event, known) => heard.push([event, known]));
  onTestFinished(async () => {
    await hub.close();
    folder[Symbol.dispose]();
  });
  const nowUs = () => clock.wallMs() * 1000;
  const person = (more: Partial<EventLabel> = {}): EventLabel => ({
    ...{ type: 'person', score: 0.7, box: BOX, at: nowUs() },
    ...more,
  });
  const motion = (id: string, path = 'cam') =>
    hub.add({ path, id, type: 'motion', source: 'stream', state: 'start', startUs: nowUs() });
  const end = (id: string) => hub.add({ path: 'cam', id, type: 'motion', source: 'stream', state: 'end' });
  const written = async () => {
    const events: CameraEvent[] = [];
    await journal.replay({ addEvent: (event) => events.push(event) });
    return events;
  };
  return { clock, hub, heard, person, motion, end, written, nowUs };
}

test('labels of an ongoing event are reported with it and stored, and stay when it ends', async () => {
  const { hub, heard, person, motion, end, written } = startHub();
  const begun = await motion('a');
  await hub.label('cam', 'a', []);
  const labels = [person({ score: 0.612_34 })];
  await hub.label('cam', 'a', labels);
  const ended = await end('a');
  const stored = [person({ score: 0.6123 })];
  const [empty, labelled] = [
    { ...begun, labels: [] },
    { ...begun, labels: stored },
  ];
  expect(ended).toMatchObject({ labels: stored });
  expect(heard).toEqual([
    [begun, undefined],
    [empty, begun],
    [labelled, empty],
    [ended, labelled],
  ]);
  expect(hub.running('cam')).toEqual([]);
  expect(await written()).toEqual([ended]);
});

test('that nothing was found so far in an ongoing event is stored with its end', async () => {
  const { hub, person, motion, end, written } = startHub();
  await motion('a');
  await hub.label('cam', 'a', []);
  expect(await written()).toMatchObject([{ id: 'a', labels: undefined }]);
  await hub.label('cam', 'a', [person()]);
  await hub.label('cam', 'a', []);
  expect(await written()).toMatchObject([{ id: 'a', labels: [] }]);
  await motion('b');
  await hub.label('cam', 'b', []);
  await end('b');
  expect((await written())[1]).toMatchObject({ id: 'b', labels: [] });
});

test('motion that has ended can be labelled for five minutes', async () => {
  const { clock, hub, heard, person, motion, end, written } = startHub();
  await motion('a');
  const ended = await end('a');
  await clock.advance(299_000);
  await hub.label('cam', 'a', [person()]);
  expect(heard.at(-1)).toEqual([{ ...ended, labels: [person()] }, ended]);
  expect(await written()).toEqual([{ ...ended, labels: [person()] }]);
  expect(hub.running('cam')).toEqual([]);
  await clock.advance(1_000);
  await expect(hub.label('cam', 'a', [])).rejects.toThrow("no event 'a' in path 'cam' is ongoing or has just ended");
});

test('the latest twenty of a path can be labelled, whatever other paths have', async () => {
  const { hub, motion, end } = startHub();
  await motion('first', 'other');
  await hub.add({ path: 'other', id: 'first', type: 'motion', source: 'stream', state: 'end' });
  for (let i = 0; i < 21; i += 1) {
    await motion(`e${i}`);
    await end(`e${i}`);
  }
  await expect(hub.label('cam', 'e0', [])).rejects.toMatchObject({ code: 'notFound' });
  await hub.label('cam', 'e1', []);
  await hub.label('other', 'first', []);
});

test('the same event of the sub stream gets the labels, and an event of another camera with this id does not', async () => {
  const { clock, hub, heard, person, motion } = startHub();
  await motion('a');
  await motion('a', 'cam-sub');
  await clock.advance(10);
  await motion('a', 'yard');
  await hub.label('cam', 'a', [person()]);
  expect(heard.slice(3).map(([{ path }]) => path)).toEqual(['cam', 'cam-sub']);
});

test('programs report labels with an event, and an end without them keeps those before', async () => {
  const { hub, person, nowUs } = startHub();
  const event = { path: 'cam', id: 'x', type: 'motion', source: 'api' } as const;
  expect(await hub.add({ ...event, state: 'start', labels: [person()] })).toMatchObject({ labels: [person()] });
  expect(await hub.add({ ...event, state: 'start' })).toMatchObject({ labels: [person()] });
  const both = [person(), person({ type: 'vehicle' })];
  expect(await hub.add({ ...event, state: 'end', labels: both })).toMatchObject({ labels: both, endUs: nowUs() });
  expect((await hub.add({ ...event, id: 'y' })).labels).toBeUndefined();
});

test.for<[Partial<EventLabel> | 'nine', string]>([
  ['nine', '9 labels, the limit is 8'],
  [{ type: 'cat' as 'animal' }, "labels[0].type 'cat' is none of person, vehicle, animal"],
  [{ score: 1.1 }, 'labels[0].score is not a number from 0 to 1'],
  [{ score: Number.NaN }, 'labels[0].score is not'],
  [{ box: { ...BOX, y: -0.1 } }, 'labels[0].box.y is not'],
  [{ box: { ...BOX, x: 0.95 } }, 'labels[0].box is not within the picture'],
  [{ at: 0 }, 'labels[0].at is more than 60 s before the start'],
])('%o is rejected, and nothing is reported', async ([wrong, message]) => {
  const { hub, heard, person, motion } = startHub();
  await motion('a');
  const labels = wrong === 'nine' ? Array.from({ length: 9 }, () => person()) : [person(wrong)];
  await expect(hub.label('cam', 'a', labels)).rejects.toMatchObject({
    code: 'badInput',
    message: expect.stringContaining(message),
  });
  expect(heard).toHaveLength(1);
});

const LINE: CameraEvent = {
  ...{ id: 'a', path: 'cam', type: 'motion', startUs: 10, endUs: 20, text: '', source: 'stream' as const },
  labels: [{ type: 'person', score: 0.5, box: BOX, at: 12 }],
};

test('a line without labels is an event that was not examined, and one with an empty list was examined', () => {
  for (const labels of [undefined, [], LINE.labels]) {
    const event = { ...LINE, labels };
    expect(readEventLine(writeEventLine(event), 'cam')).toEqual(event);
  }
});

test('invalid labels of a line are left out, and the event stays', () => {
  const line = (labels: unknown) => JSON.stringify({ ...LINE, labels });
  expect(readEventLine(line('person'), 'cam')).toMatchObject({ id: 'a', labels: undefined });
  const wrong = [null, 1, { type: 'cat' }, { ...LINE.labels?.[0], box: null }, { ...LINE.labels?.[0], at: 1.5 }];
  expect(readEventLine(line([...wrong, LINE.labels?.[0]]), 'cam')).toMatchObject({ labels: LINE.labels });
});

test('a line that would be too long for the text of control characters has no labels', () => {
  const box = { x: 0.1234, y: 0.1234, width: 0.1234, height: 0.1234 };
  const labels = Array.from({ length: 8 }, () => ({ type: 'vehicle' as const, score: 0.1234, box, at: 2 ** 52 }));
  const area = { x: 1 / 3, y: 1 / 3, width: 1 / 3, height: 1 / 3 };
  const event = { ...LINE, id: 'a'.repeat(64), text: 'a'.repeat(500), area, labels };
  expect(readEventLine(writeEventLine(event), 'cam')).toEqual(event);
  const long = { ...event, text: '\u0001'.repeat(500) };
  expect(readEventLine(writeEventLine(long), 'cam')).toEqual({ ...long, labels: undefined });
});
