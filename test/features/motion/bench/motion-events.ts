import { type Figure, median } from '../../../bench/measure/figure.ts';
import { type CodedScene, codedScene, detected, ENCODES, type Encode, type Scene } from './motion-scenes.ts';

const WITH_EVENTS: readonly Scene[] = [
  ['day', 231, 'vtest', 5],
  ['noise', 232, 'vtest', 5],
  ['dusk', 233, 'leuvenB.jpg', 5],
  ['rain', 234, 'building.jpg', 5],
  ['leaves', 235, 'aloeL.jpg', 5],
  ['ir', 236, 'vtest', 5],
];
const STILL = ['noise-static', 'leaves-static', 'dusk-static', 'day-static'] as const;
const BACKGROUNDS = ['vtest', 'home.jpg', 'building.jpg', 'leuvenB.jpg'] as const;
/** Scenes of 20 minutes each: eight hours, unless the variable says less. Each kind meets each background. */
const COUNT = Number(process.env['PERCH_MOTION_SCENES'] ?? 24);
const WITHOUT = Array.from({ length: COUNT }, (_, i): Scene => {
  const round = Math.floor(i / STILL.length);
  const background = BACKGROUNDS[(i + round) % BACKGROUNDS.length] as string;
  return [STILL[i % STILL.length] as string, 250 + i, background, 20];
});
const ALL_ENCODES = Object.keys(ENCODES) as Encode[];
const MAX_DELAY_SECONDS = 0.7;
/** An event counts if it goes on so long after the pedestrian has come: the detector reports its end later by this. */
const REST_SECONDS = 2;
/** One that began earlier does not rest between two pedestrians. A walk takes eleven seconds. */
const MAX_EARLY_SECONDS = 12;
/** An event that goes on for this long without a pedestrian is false, too. */
const MAX_STRAY_SECONDS = 5;

function isFalse([start, end]: readonly [number, number], { events, pictures, fps }: CodedScene): boolean {
  const last = Math.min(end, pictures.length / fps);
  const walks = events.filter(([from, to]) => start <= to + 1 && last >= from - 0.2);
  const walking = walks.reduce((sum, [from, to]) => sum + Math.min(to + REST_SECONDS, last) - Math.max(from, start), 0);
  return walks.length === 0 || last - start - walking > MAX_STRAY_SECONDS;
}

export const motionRecall: Figure = {
  name: 'motion-recall',
  unit: 'of events',
  goal: 0.95,
  isAtLeast: true,
  isAbsolute: false,
  about:
    'motion in the stream: share of the walks that begin an event, for x264 at CRF 30, CRF 25 and 256 kbit/s, x265 at CRF 27 and 256 kbit/s',
  measure: async (note) => {
    const values: number[] = [];
    for (const encode of ALL_ENCODES) {
      const delays: number[] = [];
      let events = 0;
      let extra = 0;
      for (const scene of WITH_EVENTS) {
        const coded = await codedScene(scene, encode);
        const found = detected(coded);
        events += coded.events.length;
        for (const [from, to] of coded.events) {
          const hit = found.find(
            ([start, end]) => start <= to + 0.5 && start >= from - MAX_EARLY_SECONDS && end - REST_SECONDS >= from,
          );
          delays.push(...(hit ? [Math.max(0, hit[0] - from)] : []));
        }
        extra += found.filter((event) => isFalse(event, coded)).length;
      }
      const longest = Math.max(...delays).toFixed(2);
      const late = delays.filter((seconds) => seconds > MAX_DELAY_SECONDS + 0.01).length;
      const delay = `delay ${median(delays).toFixed(2)} s, ${longest} at most, ${late} later than ${MAX_DELAY_SECONDS} s`;
      note(`${encode}: ${delays.length} of ${events}, ${delay}, ${extra} false`);
      values.push(delays.length / events);
    }
    return values;
  },
};

export const motionFalse: Figure = {
  name: 'motion-false',
  unit: 'events/h',
  goal: 1,
  isAbsolute: false,
  about: 'motion in the stream: false events in still scenes by day, at dusk, with the noise of the night, with leaves',
  measure: async (note) => {
    const values: number[] = [];
    for (const scene of WITHOUT) {
      for (const encode of ALL_ENCODES) {
        const coded = await codedScene(scene, encode);
        const hours = coded.pictures.length / coded.fps / 3600;
        const count = detected(coded).length;
        note(`${scene[0]}, ${encode}: ${count} in ${(hours * 60).toFixed(0)} min`);
        values.push(count / hours);
      }
    }
    return values;
  },
};
