import { useState } from 'preact/hooks';
import { EVENT_KINDS, eventClause, OFFERED_KINDS } from '../../cameras/event-kinds.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Chips } from '../../ui/controls/chips.tsx';
import { TextField } from '../../ui/controls/field.tsx';
import { Stepper } from '../../ui/controls/stepper.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { TimeField } from '../../ui/controls/time-field.tsx';
import { type Means, outputText } from './means.ts';
import { Options, Panel } from './options.tsx';
import { type PathSettings, zonesFor } from './path-settings.ts';
import { ruleCameras } from './rule-cameras.ts';
import {
  type Action,
  MAX_NAME_CHARS,
  NIGHT_HOURS,
  PAUSE_STEPS,
  type Rule,
  type RuleChange,
  SECONDS_STEPS,
  secondsOf,
  type Trigger,
  USUAL_SECONDS,
} from './rules-data.ts';
import { type SentenceContext, secondsText } from './sentence.ts';
import { MODES, type Mode, modeName, zoneText } from './sentence-words.ts';
import { wordLabel } from './word-label.ts';

interface WordChoiceProps {
  readonly word: string;
  readonly rule: Rule;
  /** Of the camera that the rule is about. */
  readonly zones: readonly string[];
  readonly ofPath: PathSettings | undefined;
  readonly means: Means;
  readonly context: SentenceContext;
  readonly onRule: (change: RuleChange) => void;
  readonly onClose: () => void;
}

/** No path, zone or kind has this name. */
const NONE = '*';

/** What a word of the sentence can be. */
export function WordChoice(props: WordChoiceProps) {
  const { word, rule, context, onRule, onClose } = props;
  const { t, language } = context;
  const [number, ofAction] = word.split('.');
  if (ofAction !== undefined) {
    return <ActionWord {...props} at={Number(number)} word={ofAction} />;
  }
  const label = wordLabel(word, t);
  switch (word) {
    case 'pause':
      return (
        <Panel label={label} onClose={onClose}>
          <Stepper
            label={label}
            value={secondsOf(rule.pause ?? '')}
            steps={PAUSE_STEPS}
            format={(seconds) => secondsText(seconds, language)}
            onChange={(seconds) => onRule({ pause: `${seconds}s` })}
          />
          <Button onClick={onClose}>{t.done}</Button>
        </Panel>
      );
    case 'name':
      return (
        <TextChoice
          {...{ label: t.nameField, hint: t.nameHint, value: rule.name, done: t.done, onClose }}
          onText={(name) => onRule({ name: name.slice(0, MAX_NAME_CHARS) })}
        />
      );
    default:
      return <TriggerWord {...props} />;
  }
}

/** The trigger without members that are undefined. */
const triggerOf = (when: { readonly [K in keyof Trigger]?: Trigger[K] | undefined }): Trigger =>
  Object.fromEntries(Object.entries(when).filter(([, value]) => value !== undefined)) as unknown as Trigger;

function TriggerWord({ word, rule, zones, ofPath, context, onRule, onClose }: WordChoiceProps) {
  const { t } = context;
  const label = wordLabel(word, t);
  const { when } = rule;
  const cameras = ruleCameras();
  const change = (next: { readonly [K in keyof Trigger]?: Trigger[K] | undefined }) =>
    onRule({ when: triggerOf({ event: 'person', path: cameras[0]?.name ?? '', ...when, ...next }) });
  const choose = (next: Parameters<typeof change>[0]) => {
    change(next);
    onClose();
  };
  switch (word) {
    case 'event': {
      const kinds = EVENT_KINDS.filter((kind) => OFFERED_KINDS.includes(kind) || kind === when?.event);
      return (
        <Options
          label={label}
          value={when?.event ?? NONE}
          options={[...kinds.map((value) => ({ value, text: eventClause(value) })), { value: NONE, text: t.byHand }]}
          onClose={onClose}
          onChoose={(event) => {
            if (event === NONE) {
              onRule({ when: undefined });
              onClose();
            } else {
              // A doorbell is in no zone.
              choose({ event, ...(ofPath && zonesFor(event, ofPath).length === 0 && { zone: undefined }) });
            }
          }}
        />
      );
    }
    case 'camera':
      return (
        <Options
          label={label}
          value={when?.path}
          options={cameras.map(({ name, title }) => ({ value: name, text: title }))}
          onClose={onClose}
          onChoose={(path) => choose({ path, zone: path === when?.path ? when.zone : undefined })}
        />
      );
    case 'zone':
      return (
        <Options
          label={label}
          value={when?.zone ?? NONE}
          options={[
            { value: NONE, text: t.anywhere },
            ...[...new Set([...zones, ...(when?.zone === undefined ? [] : [when.zone])])].map((zone) => ({
              value: zone,
              text: zoneText(zone, t),
            })),
          ]}
          onClose={onClose}
          onChoose={(zone) => choose({ zone: zone === NONE ? undefined : zone })}
        />
      );
    default:
      return <TimeChoice label={label} when={when} context={context} onTime={change} onClose={onClose} />;
  }
}

interface TimeChoiceProps {
  readonly label: string;
  readonly when: Trigger | undefined;
  readonly context: SentenceContext;
  readonly onTime: (time: {
    readonly modes?: readonly Mode[] | undefined;
    readonly hours?: string | undefined;
  }) => void;
  readonly onClose: () => void;
}

/** Always, in modes, or at hours. */
function TimeChoice({ label, when, context: { t }, onTime, onClose }: TimeChoiceProps) {
  const { modes = [], hours } = when ?? {};
  const [from = '', to = ''] = hours?.split('-') ?? [];
  // What is no time is empty, and Save says so.
  const set = (one: string, other: string) => onTime({ hours: `${one}-${other}` });
  return (
    <Panel label={label} onClose={onClose}>
      <Chips
        label={t.modesLabel}
        options={MODES.map((value) => ({ value, text: modeName(value, t) }))}
        chosen={modes}
        onTap={(mode) => {
          const chosen = MODES.filter((one) => modes.includes(one) !== (one === mode));
          onTime({ modes: chosen.length === 0 ? undefined : chosen });
        }}
      />
      <p class="dim small">{t.modesHint}</p>
      <Switch
        title={t.hoursOnly}
        isOn={hours !== undefined}
        onChange={(isOn) => onTime({ hours: isOn ? NIGHT_HOURS : undefined })}
      />
      {hours !== undefined && (
        <div class="actions-row">
          <TimeField
            {...{ label: t.from, name: 'from', value: from, wrong: t.timeWrong }}
            onSet={(time) => set(time, to)}
          />
          <TimeField
            {...{ label: t.to, name: 'to', value: to, wrong: t.timeWrong }}
            onSet={(time) => set(from, time)}
          />
        </div>
      )}
      <Button onClick={onClose}>{t.done}</Button>
    </Panel>
  );
}

/** A word of an action. */
function ActionWord({ at, word, rule, means, context, onRule, onClose }: WordChoiceProps & { readonly at: number }) {
  const { t, language } = context;
  const label = wordLabel(word, t);
  const action = rule.actions[at] ?? {};
  const { path = '', seconds = USUAL_SECONDS } = action;
  const change = (next: Action) => onRule({ actions: rule.actions.with(at, { ...action, ...next }) });
  const choose = (next: Action) => {
    change(next);
    onClose();
  };
  const own = means.byPath.get(path);
  const options = (values: readonly string[], present: string | undefined, textOf: (value: string) => string) =>
    [...new Set([...values, ...(present ? [present] : [])])].map((value) => ({ value, text: textOf(value) }));
  switch (word) {
    case 'camera':
      return (
        <Options
          label={label}
          value={path}
          options={ruleCameras()
            .filter(({ name }) => name === path || canDo(action, means, name))
            .map(({ name, title }) => ({ value: name, text: title }))}
          onClose={onClose}
          onChoose={(name) => choose(movedTo(action, means, name))}
        />
      );
    case 'preset':
      return (
        <Options
          label={label}
          value={action.preset}
          options={options(own?.presets ?? [], action.preset, (name) => name)}
          onClose={onClose}
          onChoose={(preset) => choose({ preset })}
        />
      );
    case 'output':
      return (
        <Options
          label={label}
          value={action.output}
          options={options(own?.outputs.map(({ id }) => id) ?? [], action.output, (id) => outputText(own, id, t))}
          onClose={onClose}
          onChoose={(output) => choose({ output })}
        />
      );
    case 'seconds':
      return (
        <Panel label={label} onClose={onClose}>
          <Stepper
            label={label}
            value={seconds}
            steps={SECONDS_STEPS}
            format={(value) => secondsText(value, language)}
            onChange={(value) => change({ seconds: value })}
          />
          <Button onClick={onClose}>{t.done}</Button>
        </Panel>
      );
    case 'url':
      return (
        <TextChoice
          {...{ label: t.urlField, hint: t.urlHint, value: action.url ?? '', done: t.done, onClose }}
          onText={(url) => change({ url: url.trim() })}
        />
      );
    default:
      return (
        <TextChoice
          {...{ label: t.commandField, hint: t.commandHint, value: action.run ?? '', done: t.done, onClose }}
          onText={(run) => change({ run })}
        />
      );
  }
}

const canDo = ({ preset, output }: Action, means: Means, path: string): boolean => {
  const own = means.byPath.get(path);
  return preset !== undefined
    ? Boolean(own?.presets.length)
    : output !== undefined
      ? Boolean(own?.outputs.length)
      : true;
};

/** The action by another camera: its preset of the same name, else its first one. */
function movedTo({ preset, output }: Action, means: Means, path: string): Action {
  const { presets = [], outputs = [] } = means.byPath.get(path) ?? {};
  return {
    path,
    ...(preset !== undefined && { preset: presets.includes(preset) ? preset : (presets[0] ?? '') }),
    ...(output !== undefined && { output: outputs.find(({ id }) => id === output)?.id ?? outputs[0]?.id ?? '' }),
  };
}

interface TextChoiceProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly done: string;
  readonly onText: (text: string) => void;
  readonly onClose: () => void;
}

function TextChoice({ label, hint, value, done, onText, onClose }: TextChoiceProps) {
  const [typed, setTyped] = useState(value);
  return (
    <Panel label={label} onClose={onClose}>
      <TextField
        {...{ label, hint, name: 'text', value: typed }}
        autocomplete="off"
        onInput={(text) => {
          setTyped(text);
          onText(text);
        }}
      />
      <Button onClick={onClose}>{done}</Button>
    </Panel>
  );
}
