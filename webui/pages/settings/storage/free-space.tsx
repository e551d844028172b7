import { useEffect, useRef, useState } from 'preact/hooks';
import type { DiskItem } from '../../../api-client/api-types.ts';
import { saveErrorText } from '../../../api-client/error-text.ts';
import { type ConfigForm, type FormSettings, GLOBAL } from '../../../forms/config-form.ts';
import { ConflictLine } from '../../../forms/conflict.tsx';
import { useConfigForm } from '../../../forms/use-config-form.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Stepper } from '../../../ui/controls/stepper.tsx';
import { Sheet } from '../../../ui/sheet/sheet.tsx';
import { byteSize, percent } from '../../../words/format.ts';
import { i18n } from '../../../words/i18n.ts';
import { reasonsWords } from '../../../words/reasons.ts';
import { sentences } from '../../../words/sentences.ts';
import { storageWords } from '../../../words/settings/storage.ts';
import { words } from '../../../words/words.ts';
import { FREE_STEPS, missingBytes, percentOf } from './storage-data.ts';

/** Delay, so that only the last of several taps is saved. */
const REST_MS = 800;

interface FreeConfig {
  readonly recordMinFree: string;
}
interface Free {
  /** Undefined: a size in bytes from the file. */
  readonly percent: number | undefined;
}
type FreeForm = ConfigForm<FreeConfig, Free>;

interface FreeSpaceProps {
  readonly disks: readonly DiskItem[];
  readonly recordedBytes: number;
}

/** `recordMinFree`. */
export function FreeSpace(props: FreeSpaceProps) {
  const edited = useConfigForm(GLOBAL, FREE_FORM);
  return edited && edited.form.values.value.percent !== undefined ? (
    <section class="card padded">
      <FreeStepper {...props} edited={edited} percent={edited.form.values.value.percent} />
    </section>
  ) : null;
}

const FREE_FORM: FormSettings<FreeConfig, Free> = {
  valuesOf: ({ recordMinFree }) => ({ percent: percentOf(recordMinFree) }),
  changeOf: (changed) => ({ recordMinFree: `${changed.percent}%` }),
};

interface FreeStepperProps extends FreeSpaceProps {
  readonly edited: FreeForm;
  readonly percent: number;
}

/**
 * Saves after the last tap, with Undo. Asks first if that deletes recordings at once. A value that was not saved stays for another
 * attempt.
 */
function FreeStepper({ edited, percent: value, disks, recordedBytes }: FreeStepperProps) {
  const { language } = i18n();
  const t = storageWords.value;
  const { form } = edited;
  const saving = form.saving.value;
  const isFree = form.isDirty.value && saving === 'no' && form.failure.value === undefined;
  const [isAsking, setAsking] = useState(false);
  const isMore = value > (percentOf(edited.config.recordMinFree) ?? 0);
  const deletedBytes = isMore ? Math.min(recordedBytes, missingBytes(disks, value)) : 0;
  const deletes = useRef(false);
  deletes.current = deletedBytes > 0;
  const isDue = isFree && form.conflicts.value.percent === undefined;
  useEffect(() => {
    if (!isDue) {
      return undefined;
    }
    const timer = setTimeout(() => (deletes.current ? setAsking(true) : save(edited)), REST_MS);
    return () => clearTimeout(timer);
  }, [isDue, value]);
  useEffect(
    () => () => {
      // Leaving the page saves at once, unless the change needs a confirmation.
      if (
        !deletes.current &&
        form.isDirty.peek() &&
        form.conflicts.peek().percent === undefined &&
        form.failure.peek() === undefined
      ) {
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
      <ConflictLine form={form} name="percent" format={saysPercent} />
      <p class="small" role="status">
        {saving === 'waiting' && reasonsWords.value.savedLater}
      </p>
      <Failure edited={edited} />
      {isAsking && (
        <DeletionSheet
          edited={edited}
          share={saysPercent(value)}
          bytes={deletedBytes}
          onClosed={() => setAsking(false)}
        />
      )}
    </>
  );
}

interface DeletionProps {
  readonly edited: FreeForm;
  readonly share: string;
  readonly bytes: number;
  readonly onClosed: () => void;
}

/** Asks before recordings are deleted; closed without an answer, the value is as before. */
function DeletionSheet({ edited, share, bytes, onClosed }: DeletionProps) {
  const { language } = i18n();
  const t = storageWords.value;
  // Nothing is missing any more as soon as it is saved.
  const [size] = useState(() => byteSize(bytes, language));
  const [isDone, setDone] = useState(false);
  const isConfirmed = useRef(false);
  const closed = () => {
    if (!isConfirmed.current) {
      edited.form.takeTheirs('percent');
    }
    onClosed();
  };
  const confirm = () => {
    isConfirmed.current = true;
    void save(edited);
    setDone(true);
  };
  return (
    <Sheet
      title={t.keepFree}
      isDone={isDone}
      onClosed={closed}
      foot={
        <>
          <Button kind="main" danger onClick={confirm}>
            {t.deleteAll(size)}
          </Button>
          <Button onClick={() => setDone(true)}>{words.value.cancel}</Button>
          <p class="dim small">{t.deleteSure}</p>
        </>
      }
    >
      <p>{sentences([t.lessIsFree(share), t.keepFreeText])}</p>
    </Sheet>
  );
}

async function save(edited: FreeForm): Promise<void> {
  if (await edited.form.submit()) {
    edited.toastSaved();
  }
}

function Failure({ edited }: { readonly edited: FreeForm }) {
  const again = words.value.save;
  const { failure, conflicts } = edited.form;
  const element = useRef<HTMLDivElement>(null);
  const isShown = failure.value !== undefined && conflicts.value.percent === undefined;
  useEffect(() => {
    if (isShown) {
      // Scrolled into view, because the navigation may cover it.
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
