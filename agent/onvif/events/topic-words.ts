import { type EventKind, eventKinds } from '../../base/event-kinds.ts';

type Words = readonly (readonly [RegExp, EventKind])[];

/** What is seen, in any element of a topic. Words begin at a capital letter, so `Online` is not `Line`. */
const SUBJECTS: Words = eventKinds.flatMap(([kind, { subject }]) => (subject ? [[subject, kind] as const] : []));
/** What happens; the last element that has such a word decides. Line and field rules are meant for persons. */
const HAPPENINGS: Words = [
  [/\b(?:line|trip ?wire|intru|field|region|area|zone|loiter|perimeter|trespass|enter|exit)/, 'person'],
  [
    /\b(?:tamper|sabotage|vandal|scene ?change|block|blur|defocus|cover|occlu|obstruct|shelter|too ?(?:dark|bright))/,
    'tamper',
  ],
  [/\b(?:sound|audio|noise|scream|voice|bab(?:y|ies)|cry|glass|gun ?shot|bark)/, 'sound'],
  [/\b(?:motion(?!less)|movement|moving|pir\b|vmd)/, 'motion'],
];
const INPUT = /\b(?:input|alarm|trigger|contact|sensor|port\b|button)/;

/** Of the camera itself, not of what it sees. */
const OWN_STATE =
  /\b(?:monitoring|processor|cpu|memory|usage|temperature|thermal|fan|hardware|fail|error|storage|disk|hdd|sd|ssd|card|network|link|lan|wifi|wlan|connect|disconnect|ip|address|conflict|clock|time|sync|ntp|operat|mode|reboot|restart|start|shut|system|ready|config|profile|encoder|codec|bitrate|firmware|upgrade|update|log|login|logout|account|user\b|auth|password|security|access|keystore|certificate|backup|ptz|preset|tour|patrol|relay|output|record|job|session|stream|client|signal|power|battery|voltage|uptime|heart|on ?line|off ?line|day|night|light|illumin|led|ir|lens|focus|zoom|iris)/;
/** Rules of a camera's analytics, and number plates, whatever the other words. */
const RULE = /\b(?:rule|analytic|iva|detect|anpr|a?lpr|plates?\b)/;

/** `Device/Trigger/AlarmIn`, `LineCross`: `device trigger alarm in`, `line cross`. */
const wordsOf = (text: string): string =>
  text
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .replace(/[^A-Za-z]+/g, ' ')
    .toLowerCase();

export function isOwnState(topic: readonly string[]): boolean {
  const words = wordsOf(topic.join(' '));
  return OWN_STATE.test(words) && !RULE.test(words);
}

/**
 * The nearest type by the words of a topic that no rule names.
 * @param item name of its data item, which is more precise than the topic
 */
export function typeByWords(topic: readonly string[], item = ''): EventKind | undefined {
  // From the last element to the first; `Is` and `State` say nothing.
  const steps = [item, ...topic.toReversed()].map(wordsOf);
  const find = (words: Words, where: readonly string[]): EventKind | undefined => {
    for (const step of where) {
      const type = words.find(([pattern]) => pattern.test(step))?.[1];
      if (type !== undefined) {
        return type;
      }
    }
    return undefined;
  };
  // The first element is the family of the topic: each of UserAlarm is an alarm.
  return (
    find(SUBJECTS, steps) ??
    find(HAPPENINGS, steps) ??
    (steps.slice(0, -1).some((step) => INPUT.test(step)) ? 'input' : undefined)
  );
}
