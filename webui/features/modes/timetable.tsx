import { useMemo, useState } from 'preact/hooks';
import { PreconditionFailed, patchConfig, readConfig } from '../../api-client/config.ts';
import { savedText } from '../../api-client/error-text.ts';
import type { Change } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { choiceProps } from '../../forms/field-props.ts';
import { FormSheet } from '../../forms/form-sheet.tsx';
import { serverForm } from '../../forms/server-form.ts';
import { Button } from '../../ui/controls/button.tsx';
import { Chips } from '../../ui/controls/chips.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { TimeField } from '../../ui/controls/time-field.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Confirm } from '../../ui/sheet/confirm.tsx';
import { clockOf } from '../../words/clock-text.ts';
import { i18n } from '../../words/i18n.ts';
import {
  DAYS,
  dayName,
  daysText,
  inOrder,
  MODES,
  modeName,
  type TimetableConfig,
  type TimetableEntry,
} from './modes-data.ts';
import { modesWords } from './words.ts';

const GET = 'v3/config/global/get';
const PATCH = 'v3/config/global/patch';
const NEW: TimetableEntry = { days: DAYS.slice(0, 5), from: '08:00', mode: 'away' };

interface TimetableProps {
  /** Time zone of the timetable in force. */
  readonly timeZone: string;
  readonly onChanged: () => void;
}

export function Timetable({ timeZone, onChanged }: TimetableProps) {
  const t = modesWords.value;
  const { language } = i18n();
  const { value, again } = usePolled<TimetableConfig>(GET, 'slow', { news: ['config'] });
  const [open, setOpen] = useState<TimetableEntry | 'new'>();
  const entries = value?.timetable ?? [];
  const changed = () => {
    again();
    onChanged();
  };
  return (
    <section>
      <h3>{t.timetable}</h3>
      {entries.length > 0 ? (
        <div class="card">
          {inOrder(entries).map(([entry, i]) => (
            <Row
              key={i}
              title={`${clockOf(entry.from, language)} ${modeName(entry.mode, t)}`}
              text={daysText(entry.days, language, t)}
              onClick={() => setOpen(entry)}
            />
          ))}
        </div>
      ) : (
        <p class="dim small">{t.timetableText}</p>
      )}
      {entries.length > 0 && timeZone !== browserZone() && <p class="dim small">{t.zone(timeZone)}</p>}
      <Button onClick={() => setOpen('new')}>{t.addTime}</Button>
      {open && <EntrySheet entry={open} onChanged={changed} onClosed={() => setOpen(undefined)} />}
    </section>
  );
}

const browserZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

interface EntrySheetProps {
  readonly entry: TimetableEntry | 'new';
  readonly onChanged: () => void;
  readonly onClosed: () => void;
}

function EntrySheet({ entry, onChanged, onClosed }: EntrySheetProps) {
  const t = modesWords.value;
  const { language } = i18n();
  const [isGone, setGone] = useState(false);
  const form = useMemo(() => entryForm(entry), []);
  const { days, from } = form.values.value;
  const { days: daysWrong } = form.wrong.value;
  return (
    <FormSheet
      title={entry === 'new' ? t.addTime : t.editTime}
      form={form}
      isOver={isGone}
      onClosed={onClosed}
      onSaved={() => {
        toast(savedText(form.change));
        onChanged();
      }}
      text={t.timeSaved}
    >
      <SegmentedControl
        label={t.mode}
        options={MODES.map((value) => ({ value, text: modeName(value, t) }))}
        {...choiceProps(form, 'mode')}
      />
      <TimeField label={t.time} name="from" value={from} wrong={t.timeWrong} onSet={(time) => form.set('from', time)} />
      <Chips
        label={t.days}
        options={DAYS.map((value) => ({ value, text: dayName(value, language) }))}
        chosen={days}
        onTap={(day) =>
          form.set(
            'days',
            DAYS.filter((one) => days.includes(one) !== (one === day)),
          )
        }
      />
      {daysWrong && (
        <p class="bad small" role="alert">
          {daysWrong}
        </p>
      )}
      {entry !== 'new' && (
        <Confirm
          title={t.deleteTime}
          text={t.deleteTimeText}
          onConfirm={async () => {
            const change = { isUnsaved: false };
            if (await attempt(() => changeTimetable((all) => without(all, entry), change))) {
              const undo = () => changeTimetable((all) => [...all, entry]);
              toast(savedText(change, t.deleted), () => void attempt(undo).then(onChanged));
              setGone(true);
              onChanged();
            }
          }}
        />
      )}
    </FormSheet>
  );
}

const entryForm = (entry: TimetableEntry | 'new') =>
  serverForm<TimetableEntry>({
    initial: entry === 'new' ? NEW : entry,
    validate: {
      from: (text) => (/^\d\d:\d\d$/.test(text) ? undefined : modesWords.peek().timeWrong),
      days: (days) => (days.length === 0 ? modesWords.peek().daysWrong : undefined),
    },
    save: (values, _, change) =>
      changeTimetable(
        (all) => [
          ...without(entry === 'new' ? all : without(all, entry), values),
          { days: values.days, from: values.from, mode: values.mode },
        ],
        change,
      ),
  });

const entryKey = ({ days, from, mode }: TimetableEntry): string => JSON.stringify([days, from, mode]);
const without = (all: readonly TimetableEntry[], entry: TimetableEntry): readonly TimetableEntry[] =>
  all.filter((one) => entryKey(one) !== entryKey(entry));

/** Saves a change of the timetable. A new timetable gets the browser's time zone if it differs from the box's. */
async function changeTimetable(
  next: (all: readonly TimetableEntry[]) => readonly TimetableEntry[],
  change?: Change,
  isRetry = false,
): Promise<void> {
  const { value, tag } = await readConfig<TimetableConfig>(GET);
  const timetable = next(value.timetable);
  const isFirst = value.timetable.length === 0 && value.timetableZone === '';
  try {
    await patchConfig(PATCH, { timetable, ...(isFirst && { timetableZone: browserZone() }) }, tag, change);
  } catch (error) {
    if (!(error instanceof PreconditionFailed) || isRetry) {
      throw error;
    }
    await changeTimetable(next, change, true);
  }
}
