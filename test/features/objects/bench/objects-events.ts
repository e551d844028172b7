import type { Figure } from '../../../bench/measure/figure.ts';
import { CUT_OUTS, type CutOutName } from '../support/cut-outs.ts';
import { recallOf, type Verdict } from '../support/judging.ts';
import { LIMITS, type Presence, type Scene, WITH_OBJECTS, WITHOUT_OBJECTS } from '../support/scenes.ts';
import { judgeScenes, startBox } from './judged-box.ts';

/** For everyday use: the first 100 s of each scene with objects, half of the scenes without. */
const IS_QUICK = process.env['PERCH_OBJECTS_SCENES'] === 'quick';
const QUICK_SECONDS = 100;
/** With fewer events examined, the figures would say little of the labels. */
const MIN_EXAMINED = 0.8;
const MIN_FALSE_EVENTS = IS_QUICK ? 3 : 8;

function noteScene(scene: Scene, verdict: Verdict, note: (text: string) => void): void {
  const missed = verdict.found.filter(({ isFound }) => !isFound);
  const names = missed.map(
    ({ presence: { what, height }, hasEvent }) => `${what} ${height}${hasEvent ? '' : ' no event'}`,
  );
  const found = scene.cast.length > 0 ? `${verdict.found.length - missed.length} of ${verdict.found.length} found` : '';
  const wrong = verdict.falseLabels.map(({ type, atS }) => `${type} at ${atS.toFixed(1)} s`);
  const list = (name: string, all: readonly string[]): string => (all.length > 0 ? `, ${name}: ${all.join(', ')}` : '');
  note(
    `${scene.name}: ${found} ${verdict.events} events, ${verdict.examined} examined${list('missed', names)}${list('false', wrong)}`,
  );
}

function noteScenes(scenes: readonly Scene[], verdicts: readonly Verdict[], note: (text: string) => void): void {
  for (const [i, scene] of scenes.entries()) {
    noteScene(scene, verdicts[i] as Verdict, note);
  }
}

function checkExamined(verdicts: readonly Verdict[], minEvents: number): void {
  const [events, examined] = (['events', 'examined'] as const).map((key) =>
    verdicts.reduce((sum, verdict) => sum + verdict[key], 0),
  ) as [number, number];
  if (events < minEvents || examined < MIN_EXAMINED * events) {
    throw new Error(`${events} events (at least ${minEvents}), of which ${examined} were examined: too few to judge`);
  }
}

const isTallPerson = ({ type, height }: Presence): boolean => type === 'person' && height >= LIMITS.minPersonPixels;

export const objectsRecall: Figure = {
  name: 'objects-recall',
  unit: 'of persons',
  goal: LIMITS.recall,
  isAtLeast: true,
  isAbsolute: false,
  about:
    'share of the persons of at least 50 pixels who pass cameras of 640x360 and whose event has the label; PERCH_OBJECTS_SCENES=quick: in 2 minutes instead of 6',
  measure: async (note) => {
    await using agent = await startBox(note);
    const verdicts = await judgeScenes(agent, WITH_OBJECTS, IS_QUICK ? QUICK_SECONDS : undefined);
    noteScenes(WITH_OBJECTS, verdicts, note);
    for (const name of Object.keys(CUT_OUTS) as CutOutName[]) {
      const share = recallOf(verdicts, ({ what }) => what === name);
      note(`${name}: ${Number.isNaN(share) ? 'not shown' : share.toFixed(2)}`);
    }
    const wrong = verdicts.reduce((sum, { falseLabels }) => sum + falseLabels.length, 0);
    const of = (type: string): string => recallOf(verdicts, (presence) => presence.type === type).toFixed(2);
    note(`vehicles ${of('vehicle')}, animals ${of('animal')}, labels for what was not there: ${wrong}`);
    checkExamined(verdicts, WITH_OBJECTS.length);
    return [recallOf(verdicts, isTallPerson)];
  },
};

export const objectsFalse: Figure = {
  name: 'objects-false',
  unit: 'labels in 30 min',
  goal: LIMITS.falseLabels,
  isAbsolute: false,
  about:
    'labels in 30 minutes of rain, leaves, infrared switches, headlights, insects, shadows and noise, five cameras at once; PERCH_OBJECTS_SCENES=quick: in 15 minutes of them',
  measure: async (note) => {
    const all: Verdict[] = [];
    for (const round of IS_QUICK ? WITHOUT_OBJECTS.slice(0, 1) : WITHOUT_OBJECTS) {
      await using agent = await startBox(note);
      const verdicts = await judgeScenes(agent, round);
      noteScenes(round, verdicts, note);
      all.push(...verdicts);
    }
    checkExamined(all, MIN_FALSE_EVENTS);
    const found = all.reduce((sum, { falseLabels }) => sum + falseLabels.length, 0);
    return [IS_QUICK ? 2 * found : found];
  },
};
