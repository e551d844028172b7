import { useEffect, useState } from 'preact/hooks';
import { cameraCall } from '../../../api-client/camera-addresses.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { isTransient, retryUntilAnswered } from '../../../api-client/retry.ts';
import { type ConfigForm, type FormSettings, pathPlace } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { choiceProps } from '../../../forms/field-props.ts';
import { FormSheet } from '../../../forms/form-sheet.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { Chips } from '../../../ui/controls/chips.tsx';
import { Row } from '../../../ui/controls/row.tsx';
import { SegmentedControl } from '../../../ui/controls/segment.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { SearchedList } from '../../../ui/lists/searched-list.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { i18n } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { wordsOf } from '../../../words/words.ts';
import type { CameraRow, CameraSheetProps } from '../../contract.ts';
import { en } from '../words/en.ts';
import {
  HABITS,
  habitText,
  keysOf,
  PAUSE_STEPS,
  type PositionsConfig,
  type PositionsSettings,
  pauseText,
  settingsOf,
  toggled,
  withHabit,
} from './positions-data.ts';

const rulesWords = wordsOf('rules', en);

type PositionsForm = ConfigForm<PositionsConfig, PositionsSettings>;

/** Of cameras with PTZ, and of those that are set up as if they had it. */
export const PositionsRow: CameraRow['row'] = ({ config, canTurn, onClick }) => {
  const t = rulesWords.value;
  const { habit } = settingsOf(config);
  return canTurn || habit !== 'stays' ? <Row title={t.positions} text={habitText(habit, t)} onClick={onClick} /> : null;
};

/** Where the camera looks when nobody steers it. */
export function PositionsSheet({ name, onClosed }: CameraSheetProps) {
  const edited = useConfigForm(pathPlace(name), SETTINGS);
  const presets = usePresets(name);
  return edited && presets !== undefined ? (
    <Loaded edited={edited} presets={presets} onClosed={onClosed} />
  ) : (
    <Sheet title={rulesWords.value.positions} onClosed={onClosed} />
  );
}

const SETTINGS: FormSettings<PositionsConfig, PositionsSettings> = {
  valuesOf: settingsOf,
  changeOf: keysOf,
};

/** Names of the camera's presets; null: it does not answer, and is asked again; undefined: it has not answered yet. */
function usePresets(name: string): readonly string[] | null | undefined {
  const [presets, setPresets] = useState<readonly string[] | null>();
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const ask = () =>
      fetchJson<{ items: readonly { token: string; name: string }[] }>(cameraCall('ptz/presets', name), { signal });
    const onFailure = (error: unknown) => {
      setPresets(null);
      if (!isTransient(error)) {
        throw error;
      }
    };
    retryUntilAnswered(ask, signal, onFailure).then(
      (answer) => answer && setPresets([...new Set(answer.items.map((one) => one.name || one.token))]),
      () => {},
    );
    return () => stop.abort();
  }, [name]);
  return presets;
}

interface LoadedProps {
  readonly edited: PositionsForm;
  readonly presets: readonly string[] | null;
  readonly onClosed: () => void;
}

function Loaded({ edited, presets, onClosed }: LoadedProps) {
  const t = rulesWords.value;
  const { form } = edited;
  const { habit, guard, stops } = form.values.value;
  // The configuration may name some that the camera does not have.
  const known = [...new Set([...(presets ?? []), ...stops, ...(guard === '' ? [] : [guard])])];
  return (
    <FormSheet
      title={t.positions}
      form={form}
      text={known.length > 0 ? camerasWords.value.appliesAtOnce : undefined}
      onClosed={onClosed}
      onSaved={() => edited.toastSaved()}
    >
      {presets === null && (
        <p class="dim small" role="status">
          {t.noAnswer}
        </p>
      )}
      {presets?.length === 0 && known.length === 0 && <p class="dim small">{t.noPresets}</p>}
      {known.length > 0 && (
        <>
          <SegmentedControl
            label={t.unsteered}
            value={habit}
            options={HABITS.map((value) => ({ value, text: habitText(value, t) }))}
            onChange={(value) => {
              const { habit: chosen, guard: first, stops: all } = withHabit(form.values.peek(), value, known);
              form.set('habit', chosen ?? value);
              if (first !== undefined) {
                form.set('guard', first);
              }
              if (all !== undefined) {
                form.set('stops', all);
              }
            }}
          />
          <ConflictLine form={form} name="habit" format={(value) => habitText(value, t)} />
          <p class="dim small">{{ stays: t.staysText, returns: t.returnsText, patrols: t.patrolsText }[habit]}</p>
          {habit === 'returns' && <Guard edited={edited} known={known} />}
          {habit === 'patrols' && <Patrol edited={edited} known={known} />}
          {habit !== 'stays' && <p class="dim small">{t.motionHint}</p>}
        </>
      )}
    </FormSheet>
  );
}

interface ChoiceProps {
  readonly edited: PositionsForm;
  readonly known: readonly string[];
}

function Guard({ edited: { form }, known }: ChoiceProps) {
  const t = rulesWords.value;
  return (
    <>
      <SearchedList items={known} textOf={String}>
        {(found) => (
          <Chips
            label={t.guard}
            options={found.map((value) => ({ value, text: value }))}
            chosen={[form.values.value.guard]}
            onTap={(preset) => form.set('guard', preset)}
          />
        )}
      </SearchedList>
      <ConflictLine form={form} name="guard" format={(preset) => preset || t.nothing} />
    </>
  );
}

function Patrol({ edited: { form }, known }: ChoiceProps) {
  const t = rulesWords.value;
  const { language } = i18n();
  const { stops } = form.values.value;
  const textOf = (preset: string): string =>
    stops.includes(preset) ? t.stopOf(stops.indexOf(preset) + 1, preset) : preset;
  return (
    <>
      <SearchedList items={known} textOf={String}>
        {(found) => (
          <Chips
            label={t.stops}
            options={found.map((value) => ({ value, text: textOf(value) }))}
            chosen={stops}
            onTap={(preset) => form.set('stops', toggled(stops, preset))}
          />
        )}
      </SearchedList>
      <ConflictLine form={form} name="stops" format={(presets) => presets.join(', ') || t.nothing} />
      <Stepper
        label={t.pause}
        steps={PAUSE_STEPS}
        format={(seconds) => pauseText(seconds, language)}
        {...choiceProps(form, 'pause')}
      />
      <ConflictLine form={form} name="pause" format={(seconds) => pauseText(seconds, language)} />
    </>
  );
}
