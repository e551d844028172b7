import { useEffect, useRef } from 'preact/hooks';
import type { Tagged } from '../../../api-client/config.ts';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { percent } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { storageWords } from '../../../words/storage.ts';
import { words } from '../../../words/words.ts';
import { FREE_STEPS, percentOf } from './storage-data.ts';

/** Whoever taps several times means the last. */
const REST_MS = 800;
const GET = 'v3/config/global/get';

interface FreeConfig {
  readonly recordMinFree: string;
}
interface Free {
  /** Undefined: a size in bytes, which is set in the file. */
  readonly percent: number | undefined;
}
type FreeForm = ConfigForm<FreeConfig, Free>;

/** How much of each disk stays free. */
export function FreeSpace() {
  const edited = useConfigForm<FreeConfig, Free>(GET, freeForm);
  return edited && edited.form.values.value.percent !== undefined ? (
    <section class="card padded">
      <FreeStepper edited={edited} percent={edited.form.values.value.percent} />
    </section>
  ) : null;
}

const freeForm = (seen: Tagged<FreeConfig>): FreeForm =>
  new ConfigForm({
    ...{ get: GET, patch: 'v3/config/global/patch', seen },
    valuesOf: ({ recordMinFree }) => ({ percent: percentOf(recordMinFree) }),
    changeOf: (changed) => ({ recordMinFree: `${changed.percent}%` }),
  });

/** Saved as soon as the finger rests, with the way back; what could not be saved stays, and can be tried again. */
function FreeStepper({ edited, percent: value }: { readonly edited: FreeForm; readonly percent: number }) {
  const { language } = i18n();
  const t = storageWords.value;
  const { form } = edited;
  const saving = form.saving.value;
  const isFree = form.isDirty.value && saving === 'no' && form.failure.value === undefined;
  const isDue = isFree && form.conflicts.value.percent === undefined;
  useEffect(() => {
    if (!isDue) {
      return undefined;
    }
    const timer = setTimeout(() => save(edited), REST_MS);
    return () => clearTimeout(timer);
  }, [isDue, value]);
  useEffect(
    () => () => {
      // Who leaves before that means it all the same.
      if (form.isDirty.peek() && form.conflicts.peek().percent === undefined && form.failure.peek() === undefined) {
        save(edited);
      }
    },
    [],
  );
  const saysPercent = (share: number | undefined) => percent((share ?? 0) / 100, language);
  return (
    <>
      <Stepper
        label={t.keepFree}
        value={value}
        steps={FREE_STEPS}
        format={saysPercent}
        onChange={(next) => form.set('percent', next)}
        hint={t.keepFreeText}
      />
      <ConflictLine
        conflict={form.conflicts.value.percent}
        format={saysPercent}
        onTake={() => form.takeTheirs('percent')}
        onKeep={() => form.keepMine('percent')}
      />
      <p class="small" role="status">
        {saving === 'waiting' && words.value.savedLater}
      </p>
      <Failure edited={edited} />
    </>
  );
}

async function save(edited: FreeForm): Promise<void> {
  if (await edited.form.submit()) {
    edited.toastSaved(words.peek().saved);
  }
}

function Failure({ edited }: { readonly edited: FreeForm }) {
  const again = words.value.save;
  const { failure, conflicts } = edited.form;
  const element = useRef<HTMLDivElement>(null);
  const isShown = failure.value !== undefined && conflicts.value.percent === undefined;
  useEffect(() => {
    if (isShown) {
      // It stands low on the page, where the navigation may cover it.
      element.current?.scrollIntoView({ block: 'center' });
    }
  }, [isShown]);
  if (!isShown) {
    return null;
  }
  return (
    <div role="alert" ref={element}>
      <p class="bad small">{saveErrorText(failure.value)}</p>
      <Button kind="text" onClick={() => void save(edited)}>
        {again}
      </Button>
    </div>
  );
}
