import type { Mark } from '../timeline/lane.ts';
import type { ClipsWords } from '../words/en/clips.ts';
import { nextDay } from '../words/format.ts';

/** Types that the box tells, and those that other programs commonly tell it. */
const KINDS = new Map<string, (words: ClipsWords) => string>([
  ['motion', ({ seenMotion }) => seenMotion],
  ['person', ({ seenPerson }) => seenPerson],
  ['face', ({ seenFace }) => seenFace],
  ['vehicle', ({ seenVehicle }) => seenVehicle],
  ['car', ({ seenVehicle }) => seenVehicle],
  ['animal', ({ seenAnimal }) => seenAnimal],
  ['pet', ({ seenAnimal }) => seenAnimal],
  ['package', ({ seenPackage }) => seenPackage],
  ['doorbell', ({ seenDoorbell }) => seenDoorbell],
  ['sound', ({ seenSound }) => seenSound],
  ['tamper', ({ seenTamper }) => seenTamper],
  ['input', ({ seenInput }) => seenInput],
]);

/** What was seen, in words; other programs' own types as they tell them. */
export function kindName(type: string, words: ClipsWords): string {
  return KINDS.get(type.toLowerCase())?.(words) ?? type;
}

/** What began on a day, newest first. */
export function seenOn(events: readonly Mark[], dayMs: number): readonly Mark[] {
  const endMs = nextDay(dayMs);
  return events.filter(({ startMs }) => startMs >= dayMs && startMs < endMs).reverse();
}

/** The event that the picture is of: the last that has begun, as long as it lasts, and ten seconds at least. */
export function seenAt(events: readonly Mark[], ms: number, leadMs: number): Mark | undefined {
  const last = events.findLast(({ startMs }) => startMs - leadMs <= ms);
  return last && ms < Math.max(last.endMs, last.startMs + 10_000) ? last : undefined;
}

/** As many as have room, each as near to its moment as it can; the later ones give way. @param leastMs between two */
export function spread(events: readonly Mark[], leastMs: number): readonly Mark[] {
  const shown: Mark[] = [];
  for (const event of events) {
    const last = shown.at(-1);
    if (!last || event.startMs - last.startMs >= leastMs) {
      shown.push(event);
    }
  }
  return shown;
}
