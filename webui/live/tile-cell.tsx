import { useEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { type Camera, hasSound } from '../cameras/camera.ts';
import { useHandedPlayer } from '../player/picture.tsx';
import { cameFromCamera } from '../shell/navigation.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import type { PopupItem } from '../ui/sheet/popup.tsx';
import { PopupLater } from '../ui/sheet/lazy-popup.ts';
import { liveWords } from '../words/words.ts';
import { setPaused } from './pausing.ts';
import { pathOf, Tile, wantsSound } from './tile.tsx';
import { useHold } from './long-press.ts';

/** A tile of the grid, and what can be done with its camera without opening it. */
export function GridCell({ camera, isAlone }: { readonly camera: Camera; readonly isAlone: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [isHeard, setHeard] = useState(false);
  const cell = useRef<HTMLDivElement>(null);
  const handed = useHandedPlayer({
    ...{ name: pathOf(camera, isAlone).name, camera: camera.name },
    wantsSound: wantsSound(camera, isAlone, isHeard),
  });
  const { player } = handed;
  useEffect(() => player.setSound(isHeard), [player, isHeard]);
  const focusTile = () => cell.current?.querySelector<HTMLElement>('.tile')?.focus();
  useEffect(() => {
    // Who comes back goes on where one was, unless that is elsewhere already.
    if (cameFromCamera(camera.name) && document.activeElement === document.body) {
      focusTile();
    }
  }, []);
  const hold = useHold(() => setOpen(true));
  const say = liveWords.value;
  const snapshot = () =>
    import('./tile-snapshot.ts').then(
      ({ giveSnapshot }) => giveSnapshot(player.stage, camera.title),
      () => toast(liveWords.peek().noPicture),
    );
  const items: PopupItem[] = [
    ...(hasSound(camera.main)
      ? [{ text: isHeard ? say.soundOff : say.soundOn, icon: 'sound', onChoose: () => setHeard(!isHeard) } as const]
      : []),
    ...(player.stage.hasPicture ? [{ text: say.snapshot, icon: 'snapshot', onChoose: snapshot } as const] : []),
    ...pauseItem(camera),
  ];
  return (
    <div class={isOpen ? 'cell open' : 'cell'} ref={cell} {...hold}>
      <Tile
        camera={camera}
        isAlone={isAlone}
        handed={cameFromCamera(camera.name) ? handed : { ...handed, leap: undefined }}
      />
      {items.length > 0 && (
        <button
          class="round more"
          type="button"
          tabIndex={-1}
          aria-label={say.moreOf(camera.title)}
          aria-haspopup="menu"
          aria-expanded={isOpen}
          onClick={() => setOpen(true)}
        >
          <Icon name="more" />
        </button>
      )}
      {isOpen && items.length > 0 && (
        <PopupLater
          label={camera.title}
          items={items}
          onClose={(isElsewhere) => {
            setOpen(false);
            if (!isElsewhere) {
              focusTile();
            }
          }}
        />
      )}
    </div>
  );
}

/** Only of what the box pulls: who sends to it goes on sending. */
function pauseItem({ main, name, title }: Camera): PopupItem[] {
  const say = liveWords.value;
  if (!isOwner.value || (main.sourceState === null && !main.paused)) {
    return [];
  }
  return [
    {
      text: main.paused ? say.goOn : say.pause,
      icon: main.paused ? 'play' : 'halt',
      onChoose: () => void setPaused({ name, title, isPaused: !main.paused }),
    },
  ];
}
