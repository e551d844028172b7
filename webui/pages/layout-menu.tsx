import { signal } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';
import { ARRANGEMENTS, type Arrangement } from '../cameras/layout.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { LazyPopup } from '../ui/sheet/lazy-popup.ts';
import type { PopupItem } from '../ui/sheet/popup.tsx';
import { liveWords } from '../words/words.ts';

const REMEMBERED = 'perch-arrangement';

const known = localStorage.getItem(REMEMBERED);
/** Layout of the grid in this browser. */
export const arrangement = signal<Arrangement>(ARRANGEMENTS.find((one) => one === known) ?? 'auto');

function arrange(chosen: Arrangement): void {
  localStorage.setItem(REMEMBERED, chosen);
  arrangement.value = chosen;
}

/** The layout menu, with the wall display. */
export function LayoutMenu() {
  const words = liveWords.value;
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const texts: Readonly<Record<Arrangement, string>> = {
    auto: words.arrangeAuto,
    1: words.arrangeOne,
    4: words.arrangeFour,
    9: words.arrangeNine,
  };
  const shapes = ARRANGEMENTS.map((one): PopupItem => {
    return { text: texts[one], isChosen: one === arrangement.value, onChoose: () => arrange(one) };
  });
  return (
    <div class="arrange">
      <button
        class="round"
        type="button"
        ref={button}
        aria-label={words.arrange}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        // The menu closes on taps outside; this tap toggles it.
        onPointerDown={(event) => isOpen && event.stopPropagation()}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="arrange" />
      </button>
      {isOpen && (
        <LazyPopup
          label={words.arrange}
          items={[...shapes, { text: words.wall, icon: 'full', href: '#/wall' }]}
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
