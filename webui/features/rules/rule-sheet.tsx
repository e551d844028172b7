import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { savedText } from '../../api-client/error-text.ts';
import { eventLabel } from '../../cameras/event-kinds.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Icon } from '../../ui/icons/icon.tsx';
import { Confirm } from '../../ui/sheet/confirm.tsx';
import { ActionChoice } from './action-choice.tsx';
import type { Means } from './means.ts';
import { type PathSettings, zonesFor } from './path-settings.ts';
import { ruleForm, type Wrong } from './rule-form.ts';
import {
  ADD,
  changeRules,
  faultsOf,
  freeName,
  MAX_ACTIONS,
  type Rule,
  type RuleChange,
  withRule,
} from './rules-data.ts';
import { nameParts, type Part, pauseParts, ruleLines, type SentenceContext, textOf } from './sentence.ts';
import type { Draft } from './suggestions.ts';
import { WordChoice } from './word-choice.tsx';
import { wordLabel } from './word-label.ts';
import { rulesWords } from './words.ts';

interface RuleSheetProps {
  readonly draft: Draft;
  /** Undefined: the rule is new. */
  readonly saved?: Rule;
  /** Names of the other rules. */
  readonly taken: readonly string[];
  readonly paths: readonly PathSettings[] | undefined;
  readonly means: Means;
  readonly context: SentenceContext;
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

/** A rule as a sentence whose words are changed by tapping them. */
export function RuleSheet({ draft, saved, taken, paths, means, context, onChanged, onClosed }: RuleSheetProps) {
  const { t } = context;
  const [isGone, setGone] = useState(false);
  const [wrong, setWrong] = useState<Wrong>({});
  const finished = (rule: Rule): Rule => ({
    ...rule,
    name: rule.name.trim() || freeName(nameFor(rule, context), taken),
  });
  const latest = useRef(finished);
  latest.current = finished;
  const form = useMemo(
    () =>
      ruleForm({
        initial: { ...draft, name: saved?.name ?? '' },
        saved,
        finished: (rule) => latest.current(rule),
        onWrong: setWrong,
      }),
    [],
  );
  const check = async () => {
    const faults = faultsOf(finished(form.values.peek().rule), taken, t);
    setWrong(faults);
    return Object.keys(faults).length === 0;
  };
  return (
    <FormSheet
      title={saved ? t.editRule : t.newRule}
      form={form}
      isOver={isGone}
      check={check}
      onClosed={onClosed}
      onSaved={() => {
        toast(savedText(form.change));
        onChanged();
      }}
      text={t.effect}
    >
      <RuleSentence
        rule={finished(form.values.value.rule)}
        wrong={wrong}
        paths={paths}
        means={means}
        context={context}
        onRule={(change) => {
          setWrong({});
          form.set('rule', changed(form.values.peek().rule, change));
        }}
      />
      {saved && (
        <Confirm
          title={t.deleteRule}
          text={t.deleteText}
          onConfirm={async () => {
            if (await remove(saved, onChanged)) {
              setGone(true);
              onChanged();
            }
          }}
        />
      )}
    </FormSheet>
  );
}

/** `Gate: Person` */
const nameFor = ({ when }: Rule, { t, titleOf }: SentenceContext): string =>
  when ? `${titleOf(when.path)}: ${eventLabel(when.event)}` : t.rule;

const changed = (rule: Rule, change: RuleChange): Rule =>
  Object.fromEntries(
    Object.entries({ ...rule, ...change }).filter(([, value]) => value !== undefined),
  ) as unknown as Rule;

/** Deletes a rule, with Undo. @returns whether it is gone */
async function remove(rule: Rule, onUndone: () => void): Promise<boolean> {
  const change = { isUnsaved: false };
  const isDone = await attempt(() => changeRules((all) => all.filter(({ name }) => name !== rule.name), change));
  if (isDone) {
    const undo = () => changeRules((all) => withRule(all, rule));
    toast(savedText(change, rulesWords.peek().deleted(rule.name)), () => void attempt(undo).then(onUndone));
  }
  return isDone;
}

interface RuleSentenceProps {
  readonly rule: Rule;
  readonly wrong: Wrong;
  readonly paths: readonly PathSettings[] | undefined;
  readonly means: Means;
  readonly context: SentenceContext;
  readonly onRule: (change: RuleChange) => void;
}

/** The lines of a rule. One of its words is open at most. */
function RuleSentence({ rule, wrong, paths, means, context, onRule }: RuleSentenceProps) {
  const [open, setOpen] = useState<string | undefined>(rule.actions.length === 0 ? ADD : undefined);
  const [list, focusOn] = useFocus();
  const [firstWrong] = Object.keys(wrong);
  useEffect(() => {
    if (firstWrong !== undefined) {
      setOpen(undefined);
      focusOn(firstWrong);
    }
  }, [wrong]);
  const ofPath = paths?.find(({ name }) => name === rule.when?.path);
  const zones = zonesFor(rule.when?.event, ofPath);
  const lines = ruleLines(rule, context, { hasZones: zones.length > 0 });
  const close = () => {
    setOpen(undefined);
    focusOn(open);
  };
  const toggle = (word: string) => setOpen(open === word ? undefined : word);
  const line = (parts: readonly Part[]) => (
    <SentenceLine
      parts={parts}
      open={open}
      wrong={wrong}
      onTap={toggle}
      choice={(word) => (
        <WordChoice key={word} {...{ word, rule, ofPath, zones, means, context, onRule, onClose: close }} />
      )}
    />
  );
  return (
    <div class="sentence" ref={list}>
      {line(lines[0] ?? [])}
      {rule.actions.map((action, i) => (
        // Actions have no names: what is open closes when one is removed.
        <div class="sentence-action" key={i}>
          {line(lines[i + 1] ?? [])}
          <button
            class="round"
            type="button"
            aria-label={context.t.removeAction(textOf(lines[i + 1] ?? []))}
            onClick={() => {
              onRule({ actions: rule.actions.filter((one) => one !== action) });
              setOpen(undefined);
              focusOn(ADD);
            }}
          >
            <Icon name="bin" />
          </button>
        </div>
      ))}
      {rule.actions.length < MAX_ACTIONS && <AddButton isOpen={open === ADD} wrong={wrong[ADD]} onTap={toggle} />}
      {open === ADD && (
        <ActionChoice
          means={means}
          context={context}
          onClose={close}
          onChoose={(action, word) => {
            const i = rule.actions.length;
            onRule({ actions: [...rule.actions, action] });
            setOpen(word && `${i}.${word}`);
            focusOn(word ? undefined : `${i}.camera`);
          }}
        />
      )}
      {rule.when && line(pauseParts(rule, context))}
      {line(nameParts(rule, context))}
      {wrong[''] && (
        // It takes the focus: in a long rule it is out of sight.
        <p class="bad small" role="alert" data-word="" tabIndex={-1}>
          {wrong['']}
        </p>
      )}
    </div>
  );
}

/** Gives the focus to a word once it is there. */
function useFocus() {
  const list = useRef<HTMLDivElement>(null);
  const [wanted, setWanted] = useState<{ readonly word: string | undefined }>();
  useEffect(() => {
    if (wanted?.word !== undefined) {
      list.current?.querySelector<HTMLElement>(`[data-word="${wanted.word}"]`)?.focus();
    }
  }, [wanted]);
  return [list, (word: string | undefined) => setWanted({ word })] as const;
}

interface LineProps {
  readonly parts: readonly Part[];
  readonly open: string | undefined;
  readonly wrong: Readonly<Record<string, ComponentChildren>>;
  readonly onTap: (word: string) => void;
  readonly choice: (word: string) => ComponentChildren;
}

/** A line of the sentence; the choice of its open word, and what is wrong with one, are below it. */
function SentenceLine({ parts, open, wrong, onTap, choice }: LineProps) {
  const t = rulesWords.value;
  const words = parts.flatMap(({ word }) => word ?? []);
  const faulty = words.filter((word) => wrong[word] !== undefined);
  const shown = words.find((word) => word === open);
  return (
    <div class="sentence-line">
      <p>
        {parts.map(({ text, word }, i) =>
          word === undefined ? (
            <span key={i}>{text}</span>
          ) : (
            <button
              key={i}
              class={wrong[word] === undefined ? 'rule-word' : 'rule-word wrong'}
              type="button"
              data-word={word}
              aria-label={t.wordName(text, wordLabel(word, t))}
              aria-expanded={word === open}
              aria-describedby={wrong[word] === undefined ? undefined : `rule-${word}-wrong`}
              onClick={() => onTap(word)}
            >
              <bdi>{text}</bdi>
            </button>
          ),
        )}
      </p>
      {faulty.map((word) => (
        <p class="bad small" role="alert" key={word} id={`rule-${word}-wrong`}>
          {wrong[word]}
        </p>
      ))}
      {shown !== undefined && choice(shown)}
    </div>
  );
}

interface AddButtonProps {
  readonly isOpen: boolean;
  readonly wrong: Wrong[string];
  readonly onTap: (word: string) => void;
}

function AddButton({ isOpen, wrong, onTap }: AddButtonProps) {
  return (
    <>
      <button
        class="button"
        type="button"
        data-word={ADD}
        aria-expanded={isOpen}
        aria-describedby={wrong === undefined ? undefined : 'rule-add-wrong'}
        onClick={() => onTap(ADD)}
      >
        <Icon name="plus" />
        {rulesWords.value.addAction}
      </button>
      {wrong !== undefined && (
        <p class="bad small" role="alert" id="rule-add-wrong">
          {wrong}
        </p>
      )}
    </>
  );
}
