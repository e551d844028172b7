import { useRef, useState } from 'preact/hooks';
import type { ModeStatus } from '../../../agent/features/modes/routes.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { retryNow } from '../../shell/sleep.ts';
import { toast } from '../../ui/feedback/toast.tsx';
import { attempt } from '../../ui/feedback/toast-failure.ts';
import { Icon, type IconName } from '../../ui/icons/icon.tsx';
import { Popup, type PopupItem } from '../../ui/sheet/popup.tsx';
import { loadSettingsWords } from '../../words/words.ts';
import { MODES, type Mode, modeName, setMode } from './modes-data.ts';
import { modesWords } from './words.ts';

const ICONS: Readonly<Record<Mode, IconName>> = { home: 'home', away: 'leave', night: 'night' };

const SETTINGS = '#/settings/modes';

void loadSettingsWords();

/** Above the grid: the mode, and a menu that changes it. Only if a camera or the timetable uses modes. */
export function ModeButton() {
  const t = modesWords.value;
  const { value: status, again } = usePolled<ModeStatus>('v3/mode', 'normal', { news: ['box', 'config'] });
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  if (!status || (!status.used && status.mode === 'home')) {
    return null;
  }
  const choose = async (mode: Mode, before?: ModeStatus) => {
    await attempt(async () => {
      await setMode({ mode, hold: before?.hold ?? false });
      toast(t.isSet(modeName(mode, t)), () => void choose(status.mode, status));
    });
    again();
    retryNow();
  };
  const items: PopupItem[] = [
    ...MODES.map((mode) => ({
      text: modeName(mode, t),
      isChosen: mode === status.mode,
      onChoose: () => void choose(mode),
    })),
    { text: t.changeModes, icon: 'settings', href: SETTINGS },
  ];
  return (
    <div class="arrange mode-button">
      <button
        class="chip tap"
        type="button"
        ref={button}
        aria-label={t.modeIs(modeName(status.mode, t))}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onPointerDown={(event) => isOpen && event.stopPropagation()}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={ICONS[status.mode]} small />
        {modeName(status.mode, t)}
      </button>
      {isOpen && (
        <Popup
          label={t.now}
          items={items}
          onClose={(isElsewhere) => {
            setOpen(false);
            if (!isElsewhere) {
              button.current?.focus();
            }
          }}
        />
      )}
    </div>
  );
}

export const ModesLink = () => (
  <a class="button" href={SETTINGS}>
    {modesWords.value.changeModes}
  </a>
);
