import { Fragment } from 'preact';
import { useState } from 'preact/hooks';
import { isOwner } from '../../api-client/session.ts';
import { eventLabel } from '../../cameras/event-kinds.ts';
import { CamerasField, ChipsField, oneAtLeast } from '../../people/access-fields.tsx';
import { toggled } from '../../people/people.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { TimeField } from '../../ui/controls/time-field.tsx';
import { BOX_KINDS, FIRST_RULE, KINDS, MAX_RULES, NIGHT, type NotifyRule } from './notify-data.ts';
import { notifyWords } from './words.ts';

interface RulesProps {
  readonly rules: readonly NotifyRule[];
  /** Of their hours. */
  readonly timeZone: string;
  readonly onRules: (rules: readonly NotifyRule[]) => void;
}

/** Rules, one of which has to match. */
export function RulesFields({ rules, timeZone, onRules }: RulesProps) {
  const t = notifyWords.value;
  const [shown, setShown] = useState(rules.length > 0 ? rules : [{ ...FIRST_RULE, kinds: [] }]);
  // A rule keeps its fields, and what is typed in them, when one before it is removed.
  const [keys, setKeys] = useState(() => shown.map((_, i) => i));
  const set = (changed: readonly NotifyRule[], isTyped = false) => {
    setShown(changed);
    if (!isTyped) {
      onRules(changed);
    }
  };
  return (
    <>
      {shown.map((rule, i) => (
        <Fragment key={keys[i]}>
          {shown.length > 1 && <h3>{t.rule(i + 1)}</h3>}
          <RuleFields {...{ rule, timeZone }} onRule={(changed, isTyped) => set(shown.with(i, changed), isTyped)} />
          {shown.length > 1 && (
            <Button
              kind="text"
              danger
              label={t.removeNamed(t.rule(i + 1))}
              onClick={() => {
                setKeys(keys.toSpliced(i, 1));
                set(shown.toSpliced(i, 1));
              }}
            >
              {t.remove}
            </Button>
          )}
        </Fragment>
      ))}
      {shown.length < MAX_RULES && (
        <Button
          onClick={() => {
            setKeys([...keys, Math.max(...keys) + 1]);
            set([...shown, FIRST_RULE]);
          }}
        >
          {t.addRule}
        </Button>
      )}
    </>
  );
}

interface RuleProps extends Pick<RulesProps, 'timeZone'> {
  readonly rule: NotifyRule;
  /** @param isTyped one of its times is being typed */
  readonly onRule: (rule: NotifyRule, isTyped?: boolean) => void;
}

function RuleFields({ rule, timeZone, onRule }: RuleProps) {
  const t = notifyWords.value;
  const { hours, ...always } = rule;
  // The last kinds, those about the box, are for the owner only.
  const kinds = isOwner.value ? KINDS : KINDS.slice(0, -BOX_KINDS.length);
  const texts: Readonly<Record<string, string>> = { offline: t.offline, disk: t.disk, hardware: t.hardware };
  return (
    <>
      <ChipsField
        label={t.kinds}
        options={kinds.map((value) => ({ value, text: texts[value] ?? eventLabel(value) }))}
        chosen={kinds.filter((kind) => rule.kinds.includes(kind))}
        onTap={(kind) => onRule({ ...rule, kinds: toggled(rule.kinds, kind) as readonly string[] })}
        wrong={rule.kinds.length === 0 ? t.none : undefined}
      />
      <CamerasField
        label={t.cameras}
        chosen={rule.cameras}
        onChosen={(cameras) => onRule({ ...rule, cameras })}
        wrong={oneAtLeast(rule.cameras)}
      />
      <Switch
        title={t.hours}
        text={t.hoursText(timeZone)}
        isOn={hours !== undefined}
        onChange={(isOn) => onRule(isOn ? { ...always, hours: NIGHT } : always)}
      />
      {hours && (
        <div class="actions-row">
          <TimeField
            {...{ label: t.from, name: 'from', value: hours.from, wrong: t.timeWrong }}
            onSet={(from, isLeft) => onRule({ ...rule, hours: { ...hours, from } }, !isLeft)}
          />
          <TimeField
            {...{ label: t.to, name: 'to', value: hours.to, wrong: t.timeWrong }}
            onSet={(to, isLeft) => onRule({ ...rule, hours: { ...hours, to } }, !isLeft)}
          />
        </div>
      )}
    </>
  );
}
