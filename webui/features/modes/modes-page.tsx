import { useState } from 'preact/hooks';
import type { ModeStatus } from '../../../agent/features/modes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { nowMs } from '../../shell/page-state.ts';
import { retryNow } from '../../shell/sleep.ts';
import { SegmentedControl } from '../../ui/controls/segment.tsx';
import { Switch } from '../../ui/controls/switch.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { ModeCameras } from './mode-cameras.tsx';
import { MODES, modeName, setMode } from './modes-data.ts';
import { nextText } from './next-text.ts';
import { Timetable } from './timetable.tsx';
import { modesWords } from './words.ts';

/** The mode now, the timetable, and what each camera does in a mode. */
export function ModesPage() {
  const t = modesWords.value;
  const { value: polled, again } = usePolled<ModeStatus>('v3/mode', 'normal', { news: ['box', 'config'] });
  const [sent, setSent] = useState<ModeStatus>();
  const status = sent ?? polled;
  if (!status) {
    return <div class="skeleton block" />;
  }
  const change = async (body: Parameters<typeof setMode>[0], undo: Parameters<typeof setMode>[0]) => {
    await attempt(async () => {
      const { mode } = await setMode(body);
      const { isSet } = modesWords.peek();
      toast(isSet(modeName(mode, modesWords.peek())), () => void change(undo, body));
    });
    setSent(undefined);
    again();
    retryNow();
  };
  const { mode, hold, lost } = status;
  return (
    <>
      <h2 class="visually-hidden">{t.modes}</h2>
      <section>
        {!lost && <p class="headline">{modeName(mode, t)}</p>}
        <p class="dim">{statusText(status)}</p>
        <SegmentedControl
          label={t.now}
          value={lost ? undefined : mode}
          options={MODES.map((value) => ({ value, text: modeName(value, t) }))}
          onChange={(to) => {
            setSent({ ...status, mode: to, lost: false });
            void change({ mode: to, hold }, { mode, hold });
          }}
        />
        {(status.next || hold) && (
          <div class="card">
            <Switch
              title={t.hold}
              text={t.holdText}
              isOn={hold}
              onChange={(to) => {
                setSent({ ...status, hold: to });
                void change({ hold: to }, { mode, hold });
              }}
            />
          </div>
        )}
      </section>
      <Timetable timeZone={status.timeZone} onChanged={again} />
      <ModeCameras />
    </>
  );
}

/** `since 17:30. Night from 22:30` */
function statusText({ mode, since, next, hold, timeKnown, timeZone, lost }: ModeStatus): string {
  const t = modesWords.value;
  if (lost) {
    return t.isLost;
  }
  if (!timeKnown) {
    return t.noTimeKnown;
  }
  const began = since === null ? '' : t.since(moment(Date.parse(since), nowMs.value, i18n()));
  // The next entry of the timetable may have the present mode, and then ends nothing.
  const ends = next && next.mode !== mode && nextText(next, timeZone, nowMs.value, i18n().language);
  return [began, hold ? t.held : ends].filter(Boolean).join(' · ');
}
