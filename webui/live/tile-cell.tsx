import { useEffect, useRef, useState } from 'preact/hooks';
import { isOwner } from '../api-client/session.ts';
import { type Camera, hasSound } from '../cameras/camera.ts';
import { useHandedPlayer } from '../player/picture.tsx';
import { cameFromCamera } from '../shell/navigation.ts';
import { toast } from '../ui/feedback/toast.tsx';
import { Icon } from '../ui/icons/icon.tsx';
import { lazyPart } from '../ui/lazy/lazy-page.tsx';
import type { PopupItem } from '../ui/sheet/popup.tsx';
import { liveWords, words } from '../words/words.ts';
import { useLongPress } from './long-press.ts';
import { Tile, tilePath, wantsSound } from './tile.tsx';

/** Loaded on first use, to keep the first load small. */
const LazyPopup = lazyPart(() => import('../ui/sheet/popup.tsx').then(({ Popup }) => Popup));

/** A tile with its menu. */
export function GridCell({ camera, isAlone }: { readonly camera: Camera; readonly isAlone: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [isHeard, setHeard] = useState(false);
  const cell = useRef<HTMLDivElement>(null);
  const handed = useHandedPlayer({
    name: tilePath(camera, isAlone).name,
    camera: camera.name,
    wantsSound: wantsSound(camera, isAlone, isHeard),
  });
  const { player } = handed;
  useEffect(() => player.setSound(isHeard), [player, isHeard]);
  const focusTile = () => cell.current?.querySelector<HTMLElement>('.tile')?.focus();
  useEffect(() => {
    // Restores the focus, unless it has moved.
    if (cameFromCamera(camera.name) && document.activeElement === document.body) {
      focusTile();
    }
  }, []);
  const hold = useLongPress(
    () => setOpen(true),
    () => setOpen(false),
  );
  const t = liveWords.value;
  const snapshot = () =>
    import('./tile-actions.ts').then(
      ({ shareSnapshot }) => shareSnapshot(player.surface, camera.title),
      () => toast(liveWords.peek().noPicture),
    );
  const moveItem = (text: string, by: -1 | 1): PopupItem => ({
    text,
    icon: by < 0 ? 'back' : 'go',
    onChoose: () =>
      import('./tile-order.tsx').then(
        ({ moveTile }) => moveTile(camera.name, by),
        () => toast(words.peek().boxAway),
      ),
  });
  const items: PopupItem[] = [
    ...(hasSound(camera.main)
      ? [{ text: isHeard ? t.soundOff : t.soundOn, icon: 'sound', onChoose: () => setHeard(!isHeard) } as const]
      : []),
    ...(player.surface.hasPicture && !camera.main.privacy
      ? [{ text: t.snapshot, icon: 'snapshot', onChoose: snapshot } as const]
      : []),
    ...(isOwner.value && !isAlone ? [moveItem(t.moveEarlier, -1), moveItem(t.moveLater, 1)] : []),
    ...pauseItem(camera),
  ];
  return (
    <div class={isOpen ? 'cell open' : 'cell'} ref={cell} {...hold}>
      <Tile
        camera={camera}
        isAlone={isAlone}
        handed={cameFromCamera(camera.name) ? handed : { ...handed, transition: undefined }}
      />
      {items.length > 0 && (
        <button
          class="round more"
          type="button"
          tabIndex={-1}
          aria-label={t.moreOf(camera.title)}
          aria-haspopup="menu"
          aria-expanded={isOpen}
          onClick={() => setOpen(true)}
        >
          <Icon name="more" />
        </button>
      )}
      {isOpen && items.length > 0 && (
        <LazyPopup
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

/** Menu item that pauses a camera. Only for cameras that the box connects to: a publisher would continue. */
function pauseItem({ main, name, title }: Camera): PopupItem[] {
  const t = liveWords.value;
  if (!isOwner.value || (main.sourceState === null && !main.paused)) {
    return [];
  }
  return [
    {
      text: main.paused ? t.goOn : t.pause,
      icon: main.paused ? 'play' : 'halt',
      onChoose: () =>
        import('./tile-actions.ts').then(
          ({ setPaused }) => setPaused({ name, title, isPaused: !main.paused }),
          () => toast(words.peek().boxAway),
        ),
    },
  ];
}
