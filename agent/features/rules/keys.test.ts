import { expect, test } from 'vitest';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { good, linesOf } from '../../../test/support/harness/loaded-config.ts';
import { globalJson } from '../../config/edit/json.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import { concerns } from './conditions.ts';
import { RULES } from './keys.ts';

/** A key of the configuration; as a name in a literal it is one of promises. */
const THEN = 'then';

const GATE = `
rules:
  - name: Gate at night
    when: {event: person, path: gate, zone: Drive, modes: [away, night], hours: 22:00-06:00}
    then:
      - {preset: Gate, path: yard, seconds: 60}
      - {output: relay-1, path: yard, seconds: 10}
      - {record: yes, path: yard}
      - {run: 'notify "$PERCH_RULE"'}
      - {url: 'https://example.org/hook'}
    pause: 2m
`;

test('a rule has a name, an event with conditions, actions and a pause', () => {
  expect(settingsIn(good(GATE), RULES).rules).toEqual([
    {
      name: 'Gate at night',
      when: { event: 'person', path: 'gate', zone: 'Drive', modes: ['away', 'night'], hours: '22:00-06:00' },
      [THEN]: [
        { preset: 'Gate', path: 'yard', seconds: 60 },
        { output: 'relay-1', path: 'yard', seconds: 10 },
        { record: true, path: 'yard' },
        { run: 'notify "$PERCH_RULE"' },
        { url: 'https://example.org/hook' },
      ],
      pauseMs: 120_000,
    },
  ]);
  expect(settingsIn(good('rules: [{name: a, then: [{run: "true"}]}]'), RULES).rules[0]).toMatchObject({
    pauseMs: 30_000,
  });
  expect(settingsIn(good(''), RULES).rules).toEqual([]);
});

const rule = (text: string, name = 'Gate') => `{name: ${name}, ${text}}`;
const action = (text: string) => rule(`then: [{${text}}]`);
const RECORD = 'then: [{record: yes, path: yard}]';

test.for([
  [`${rule(RECORD)}, ${rule(RECORD)}`, "rules[1].name: rule 'Gate': another rule has this name"],
  [rule(RECORD, "' Gate'"), "rule ' Gate': the name begins or ends with a blank"],
  [rule(RECORD, "''"), 'rules[0].name'],
  [`{${RECORD}}`, 'rules[0]: the key name is missing'],
  ['{name: Gate}', 'rules[0]: the key then is missing'],
  [rule('then: []'), "rules[0].then: rule 'Gate': does nothing"],
  [rule(`then: [${Array(9).fill('{run: a}').join(', ')}]`), 'has 9 actions, the limit is 8'],
  [rule(`when: {event: party, path: gate}, ${RECORD}`), "rules[0].when.event: 'party' is not one of motion, person"],
  [rule(`when: {event: person}, ${RECORD}`), 'rules[0].when: the key path is missing'],
  [rule(`when: {event: person, path: ''}, ${RECORD}`), "rule 'Gate': the path is empty"],
  [rule(`when: {event: person, path: gate, zone: ''}, ${RECORD}`), "rule 'Gate': the zone is empty"],
  [rule(`when: {event: person, path: gate, modes: []}, ${RECORD}`), "rule 'Gate': has no mode"],
  [rule(`when: {event: person, path: gate, modes: [party]}, ${RECORD}`), "'party' is not one of home, away, night"],
  [rule(`when: {event: person, path: gate, hours: 22-6}, ${RECORD}`), "'22-6' are not hours"],
  [rule(`${RECORD}, pause: 25h`), "rules[0].pause: rule 'Gate': longer than the limit of 24h"],
  [
    action('path: yard'),
    "rules[0].then[0]: rule 'Gate': an action has one of the keys preset, output, record, run, url, here none",
  ],
  [action('preset: Gate, run: a, path: yard'), 'here preset and run'],
  [action('preset: Gate'), "rule 'Gate': preset needs the path of its camera"],
  [
    rule('then: [{preset: Gate, path: yard}, {preset: Gate, path: hall}, {preset: Door, path: yard}]'),
    "rules[0].then[2].preset: rule 'Gate': turns 'yard' twice: a rule has one preset of a camera",
  ],
  [action("preset: '', path: yard"), "rules[0].then[0].preset: rule 'Gate': preset is empty"],
  [action('record: yes'), "rule 'Gate': record needs the path of its camera"],
  [action('record: no, path: yard'), "rule 'Gate': record: no does nothing"],
  [action('run: a, seconds: 5'), "rules[0].then[0].seconds: rule 'Gate': seconds has no effect with run"],
  [action('url: "http://h/", path: yard'), 'path has no effect with url'],
  [action('url: "http://me:pw@h/"'), 'rules[0].then[0].url: not an HTTP address without credentials'],
  [action('run: "sh -c \'x"'), 'has no end'],
  [action('record: yes, path: yard, seconds: 0'), 'rules[0].then[0].seconds'],
  [action('record: yes, path: yard, seconds: 3601'), 'rules[0].then[0].seconds'],
])('%s', ([text, message]) => {
  expect(linesOf(`rules: [${text}]`, 'error').join('\n')).toContain(message);
});

test('a patrol stays at each preset for 20 s at least, so that motion is seen there', () => {
  const linesWith = (seconds: number) =>
    linesOf(`paths: {yard: {ptzPatrol: [{preset: Gate, seconds: ${seconds}}]}}`, 'error').join('\n');
  expect(linesWith(20)).toBe('');
  expect(linesWith(19)).toContain('ptzPatrol[0].seconds');
});

test('at most 64 rules', () => {
  const many = Array.from({ length: 65 }, (_, i) => rule(RECORD, `r${i}`)).join(', ');
  expect(linesOf(`rules: [${many}]`, 'error').join('\n')).toContain('has 65 items, the limit is 64');
});

test('only the owner sets rules, and the API gives them back as they are, without passwords', async () => {
  const { edits, store, text } = await fileOf(GATE);
  const { rules } = globalJson(store.current) as { readonly rules: readonly object[] };
  expect(rules[0]).toMatchObject({ name: 'Gate at night', pause: '2m0s', when: { zone: 'Drive' } });
  await edits.patchGlobal({ rules }, { hasAllRights: false });
  expect(text()).toBe(GATE);
  const refused = edits.patchGlobal({ rules: [] }, { hasAllRights: false });
  await expect(refused).rejects.toThrow('rules: only the owner, or the file itself, can set it');

  const withPassword = [{ name: 'a', pause: '30s', [THEN]: [{ run: 'curl http://me:hunter22@h/' }] }];
  await edits.patchGlobal({ rules: withPassword }, { hasAllRights: true });
  const shown = globalJson(store.current)['rules'];
  expect(JSON.stringify(shown)).not.toContain('hunter22');
  await edits.patchGlobal({ rules: shown }, { hasAllRights: true });
  expect(text()).toContain('hunter22');
});

const AWAY = { zones: () => [], zonesAt: () => [] };

test.for<[string, readonly (readonly string[] | undefined)[], boolean]>([
  ['as the other box says', [['Gate']], true],
  ['unless the other box says that it is elsewhere', [[]], false],
  ['if one of several is', [[], ['Gate']], true],
  ['if it is not known where it stands', [undefined], true],
  ['if the event has no objects', [], true],
])("an object at another box's camera is in a zone %s", ([, zonesOf, is]) => {
  const label = { type: 'person' as const, score: 1, box: { x: 0, y: 0, width: 1, height: 1 }, at: 0 };
  const vehicle = { ...label, type: 'vehicle' as const, zones: ['Gate'] };
  const times = { startUs: 0, endUs: undefined };
  for (const type of ['person', 'motion'] as const) {
    const labels = zonesOf.map((zones) => (zones ? { ...label, zones } : label));
    const event: CameraEvent = {
      ...{ id: 'a', path: 'gate', type, text: '', source: 'stream', zones: ['Gate'], ...times },
      labels: [...labels, vehicle],
    };
    const isOne = type === 'person' || labels.length > 0;
    expect(concerns({ event: 'person', path: 'gate', zone: 'Gate' }, event, AWAY)).toBe(is && isOne);
  }
});

const OWNER = { hasAllRights: true };

interface ShownRule {
  name: string;
  then: { run?: string }[];
}
const shownRules = (config: Parameters<typeof globalJson>[0]): ShownRule[] =>
  globalJson(config)['rules'] as ShownRule[];
const withActions = (rule: ShownRule | undefined, then: ShownRule['then']) => ({ ...rule, then });
const commandsOf = (config: object): readonly string[] =>
  (config as { rules: ShownRule[] }).rules.flatMap(({ then }) => then.flatMap(({ run }) => run ?? []));

const CURL = (token: string) => `curl http://alarm/on?token=${token}`;
const SECRETS = `rules:
  - {name: Gate, then: [{url: "http://h/1"}, {run: "${CURL('one-secret')}"}]}
  - {name: Yard, then: [{run: "${CURL('another')}"}, {run: 'curl http://pia:secret@h/2'}]}
`;

test.for<[string, (rules: ShownRule[]) => void, string[]]>([
  ['renamed', ([gate]) => Object.assign(gate ?? {}, { name: 'Door' }), ['one-secret', 'another']],
  ['without the action before it', ([gate]) => gate?.then.shift(), ['one-secret', 'another']],
  ['moved to the end', (rules) => rules.push(...rules.splice(0, 1)), ['another', 'one-secret']],
  [
    'copied under another name',
    (rules) => rules.push(...structuredClone(rules.slice(0, 1)).map((rule) => ({ ...rule, name: 'Copy' }))),
    ['one-secret', 'another', 'one-secret'],
  ],
])('a rule whose command has a secret keeps it when it is %s', async ([, change, expected]) => {
  const { edits, store } = await fileOf(SECRETS);
  const rules = shownRules(store.current);
  change(rules);
  await edits.patchGlobal({ rules }, OWNER);
  const commands = commandsOf(store.current);
  expect(commands.filter((run) => run.includes('token'))).toEqual(expected.map(CURL));
  expect(commands.filter((run) => run.includes('pia'))).toEqual(['curl http://pia:secret@h/2']);
});

test("a command with '***' for a secret that no rule has is rejected, and one with asterisks of its own is not", async () => {
  const { edits, store } = await fileOf(SECRETS);
  const [gate, yard] = shownRules(store.current);
  const changed = withActions(gate, [{ run: 'curl http://elsewhere/on?token=***' }]);
  await expect(edits.patchGlobal({ rules: [changed, yard] }, OWNER)).rejects.toThrow(
    "rules[0].then[0].run: '***' stands for a secret that is not known here: send the whole text",
  );
  const stars = ['echo *** done', 'curl http://h/?pass=a***b'];
  await edits.patchGlobal(
    {
      rules: [
        withActions(
          gate,
          stars.map((run) => ({ run })),
        ),
      ],
    },
    OWNER,
  );
  expect(commandsOf(store.current)).toEqual(stars);
});
