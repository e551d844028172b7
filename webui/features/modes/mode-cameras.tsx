import { useState } from 'preact/hooks';
import { usePolled } from '../../api-client/use-polled.ts';
import { type Camera, isDemoCamera } from '../../cameras/camera.ts';
import { cameras } from '../../cameras/cameras.ts';
import { type ConfigForm, type FormSettings, pathPlace } from '../../forms/config-form.ts';
import { ConflictLine } from '../../forms/conflict.tsx';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { useConfigForm } from '../../forms/use-config-form.ts';
import { CameraThumbnail } from '../../live/camera-thumbnail.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import {
  choiceOf,
  choiceText,
  MODES,
  type Mode,
  type ModeChoice,
  type ModeRules,
  modeName,
  ruleOf,
  rulesText,
} from './modes-data.ts';
import { modesWords } from './words.ts';

const RECORD = ['usual', 'always', 'motion', 'no'] as const;

interface RuledPath {
  readonly name: string;
  /** The path is invalid; all other keys are missing then. */
  readonly error?: string;
  readonly modes?: ModeRules;
}
type Choices = { readonly [mode in Mode]: ModeChoice };
type RulesForm = ConfigForm<RuledPath, Choices>;

/** What each camera does in a mode. The demo camera and paths that are not in the file have no rules. */
export function ModeCameras() {
  const t = modesWords.value;
  const { value, again } = usePolled<{ readonly items: readonly RuledPath[] }>(
    'v3/config/paths/list?itemsPerPage=1000',
    'normal',
    { news: ['config'] },
  );
  const [open, setOpen] = useState<Camera>();
  const rows = (cameras.value ?? []).flatMap((camera) => {
    const config = value?.items.find(({ name, error }) => name === camera.name && error === undefined);
    return config && !isDemoCamera(camera.main) ? [{ camera, config }] : [];
  });
  if (rows.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{t.cameras}</h3>
      <SearchedCard items={rows} textOf={({ camera }) => camera.title}>
        {({ camera, config }) => (
          <Row
            key={camera.name}
            before={<CameraThumbnail camera={camera} />}
            title={camera.title}
            text={rulesText(config.modes, t)}
            onClick={() => setOpen(camera)}
          />
        )}
      </SearchedCard>
      {open && <CameraRules key={open.name} camera={open} onClosed={() => setOpen(undefined)} onChanged={again} />}
    </section>
  );
}

interface RulesProps {
  readonly camera: Camera;
  readonly onClosed: () => void;
  readonly onChanged: () => void;
}

function CameraRules(props: RulesProps) {
  const { name } = props.camera;
  const edited = useConfigForm(pathPlace(name), RULES);
  return edited ? <RulesSheet {...props} edited={edited} /> : null;
}

function RulesSheet({ camera, edited, onClosed, onChanged }: RulesProps & { readonly edited: RulesForm }) {
  const t = modesWords.value;
  const [mode, setShown] = useState<Mode>('home');
  const { form } = edited;
  const choice = form.values.value[mode];
  const set = (change: Partial<ModeChoice>) => form.set(mode, { ...choice, ...change });
  const records = { usual: t.recordAsUsual, always: t.recordAlways, motion: t.recordMotion, no: t.recordOff };
  return (
    <FormSheet
      title={camera.title}
      form={form}
      onClosed={onClosed}
      onSaved={() => {
        edited.toastSaved(undefined, onChanged);
        onChanged();
      }}
      text={t.effect}
    >
      <SegmentedControl
        label={t.mode}
        value={mode}
        options={MODES.map((value) => ({ value, text: modeName(value, t) }))}
        onChange={setShown}
      />
      <ConflictLine form={form} name={mode} format={(one) => choiceText(one, t) || t.recordAsUsual} />
      <Switch title={t.privacy} text={t.privacyText} isOn={choice.privacy} onChange={(privacy) => set({ privacy })} />
      {!choice.privacy && (
        <>
          <SegmentedControl
            label={t.record}
            value={choice.record}
            options={RECORD.map((value) => ({ value, text: records[value] }))}
            onChange={(record) => set({ record })}
          />
          <Switch title={t.sound} text={t.soundText} isOn={choice.sound} onChange={(sound) => set({ sound })} />
          <Switch title={t.notify} text={t.notifyText} isOn={choice.notify} onChange={(notify) => set({ notify })} />
        </>
      )}
    </FormSheet>
  );
}

const RULES: FormSettings<RuledPath, Choices> = {
  valuesOf: ({ modes }) => ({
    home: choiceOf(modes?.home),
    away: choiceOf(modes?.away),
    night: choiceOf(modes?.night),
  }),
  // The block is sent whole.
  changeOf: (changed, { modes }) => ({
    modes: Object.fromEntries(
      MODES.flatMap((mode) => {
        const choice = changed[mode];
        const rule = choice ? ruleOf(choice, modes?.[mode]) : (modes?.[mode] ?? {});
        return Object.keys(rule).length === 0 ? [] : [[mode, rule]];
      }),
    ),
  }),
};
