import type { ComponentChildren, RefObject, TargetedPointerEvent } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { guardRoute } from '../../shell/navigation.ts';
import { words } from '../../words/words.ts';
import { confirmBeforeUnload } from '../browser/before-unload.ts';
import { Toasts } from '../feedback/toast.tsx';
import { Icon } from '../icons/icon.tsx';
import { useHistoryEntry } from './sheet-history.ts';

interface SheetProps {
  readonly title: string;
  /** Default: a place for what is being fetched. */
  readonly children?: ComponentChildren;
  /** Buttons next to the title. */
  readonly beside?: ComponentChildren;
  /** The main action and its effect, always visible. */
  readonly foot?: ComponentChildren;
  /** Called when the sheet has closed and has to be unmounted. */
  readonly onClosed: () => void;
  /** Whether closing asks first. */
  readonly isDirty?: boolean;
  /** It has an address of its own; others get a history entry. */
  readonly hasRoute?: boolean;
  /** Closes without asking. */
  readonly isDone?: boolean;
  /** Whether the user cannot close it. */
  readonly isMandatory?: boolean;
}

/**
 * From below on phones, else from the right. A native modal dialog, which traps and restores the focus. Back, Esc, the
 * backdrop, the handle and the cross close it.
 */
export function Sheet(props: SheetProps) {
  const {
    title,
    children = <div class="skeleton block" />,
    beside,
    foot,
    onClosed,
    isDirty = false,
    hasRoute = false,
    isMandatory = false,
    isDone = false,
  } = props;
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [asks, setAsks] = useState(false);
  const latest = useRef({ isDirty, onClosed });
  latest.current = { isDirty, onClosed };
  const leave = useRef(async () => {
    if (!dialog.current || isLeaving(dialog.current)) {
      return;
    }
    await leaving(dialog.current);
    latest.current.onClosed();
  });
  const mayClose = () => {
    if (latest.current.isDirty || isMandatory) {
      setAsks(latest.current.isDirty);
      return false;
    }
    return true;
  };
  const closeEntry = useHistoryEntry({
    isOn: !hasRoute && !isMandatory,
    mayClose,
    onBack: () => void leave.current(),
  });
  const close = () => {
    if (mayClose()) {
      closeEntry();
    }
  };
  useModal(dialog);
  useRoomForKeyboard(dialog);
  useEffect(() => {
    if (isDone) {
      closeEntry();
    }
  }, [isDone]);
  useEffect(() => (hasRoute && isDirty ? guardRoute(mayClose) : undefined), [hasRoute, isDirty]);
  useEffect(() => (isDirty ? confirmBeforeUnload() : undefined), [isDirty]);
  const drag = useSheetDrag(dialog, close);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the veil; the keyboard has Esc
    <dialog
      class="sheet"
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClose={() => {
        // Browsers do not ask at the second Esc or Back in a row.
        if (dialog.current && !isLeaving(dialog.current)) {
          dialog.current.showModal();
          close();
        }
      }}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      <div class="sheet-body">
        <header {...(isMandatory ? {} : drag)}>
          <i class="handle" />
          <h2 id={id} tabIndex={-1}>
            {title}
          </h2>
          {beside}
          {!isMandatory && (
            <button class="round" type="button" aria-label={words.value.close} onClick={close}>
              <Icon name="cross" />
            </button>
          )}
        </header>
        <div class="sheet-content">{children}</div>
        <Toasts />
        {asks ? (
          <Ask
            onStay={() => setAsks(false)}
            onLeave={() => {
              latest.current.isDirty = false;
              closeEntry();
            }}
          />
        ) : (
          foot && <footer>{foot}</footer>
        )}
      </div>
    </dialog>
  );
}

function Ask({ onStay, onLeave }: { readonly onStay: () => void; readonly onLeave: () => void }) {
  const t = words.value;
  const stay = useRef<HTMLButtonElement>(null);
  useEffect(() => stay.current?.focus(), []);
  return (
    <footer>
      <p role="alert">{t.discardTitle}</p>
      <button class="button main" type="button" ref={stay} onClick={onStay}>
        {t.goOnEditing}
      </button>
      <button class="button danger" type="button" onClick={onLeave}>
        {t.discard}
      </button>
    </footer>
  );
}

const FIRST_FIELD = '.sheet-content :is(input:is([type=text], [type=password]):not([readonly]), textarea)';

function useModal(dialog: RefObject<HTMLDialogElement | null>): void {
  // Before the next frame: a sheet that replaces another one must not let a key or a click through to the page.
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    // On phones, focusing the first field would open the keyboard.
    const field = matchMedia('(hover: hover) and (pointer: fine)').matches ? FIRST_FIELD : 'h2';
    (element?.querySelector<HTMLElement>(field) ?? element?.querySelector<HTMLElement>('h2'))?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) {
        before.focus();
      }
    };
  }, [dialog]);
}

/** Browsers that do not make the page lower for a keyboard on the screen lay it over the page. */
function useRoomForKeyboard(dialog: RefObject<HTMLDialogElement | null>): void {
  useEffect(() => {
    const { visualViewport: seen } = window;
    const fit = () => {
      const px = seen && seen.scale === 1 ? Math.max(0, innerHeight - seen.height - seen.offsetTop) : 0;
      dialog.current?.style.setProperty('--keyboard', `${px}px`);
      if (px > 0) {
        dialog.current?.querySelector(':focus')?.scrollIntoView({ block: 'nearest' });
      }
    };
    seen?.addEventListener('resize', fit);
    return () => seen?.removeEventListener('resize', fit);
  }, [dialog]);
}

const LEAVING = 'data-leaving';

const isLeaving = (dialog: HTMLDialogElement): boolean => dialog.hasAttribute(LEAVING);

/** Resolves after the exit animation; at once with reduced motion. */
async function leaving(dialog: HTMLDialogElement): Promise<void> {
  dialog.setAttribute(LEAVING, '');
  await Promise.allSettled(dialog.getAnimations().map(({ finished }) => finished));
}

/** Dragging the sheet by this share of its height closes it. */
const FAR = 0.3;
/** Speed from which on a drag closes it, in pixels per millisecond. */
const FAST = 0.6;

type Pointer = TargetedPointerEvent<HTMLElement>;

/** Drags the sheet with the finger; a long or fast drag closes it. */
function useSheetDrag(dialog: RefObject<HTMLElement | null>, close: () => void) {
  const from = useRef<{ y: number; atMs: number } | undefined>(undefined);
  const move = (px: number) => {
    if (dialog.current) {
      dialog.current.style.translate = px > 0 ? `0 ${px}px` : '';
    }
  };
  const end = (event: Pointer) => {
    const start = from.current;
    from.current = undefined;
    if (!start) {
      return;
    }
    const px = event.clientY - start.y;
    const isFar = px > (dialog.current?.offsetHeight ?? 0) * FAR;
    const isFast = px > 24 && px / Math.max(1, event.timeStamp - start.atMs) > FAST;
    move(0);
    if (event.type === 'pointerup' && (isFar || isFast)) {
      close();
    }
  };
  return {
    onPointerDown: (event: Pointer) => {
      const isFinger = event.pointerType !== 'mouse' && !(event.target as Element).closest('button');
      if (isFinger) {
        from.current = { y: event.clientY, atMs: event.timeStamp };
        event.currentTarget.setPointerCapture(event.pointerId);
      }
    },
    onPointerMove: (event: Pointer) => from.current && move(event.clientY - from.current.y),
    onPointerUp: end,
    onPointerCancel: end,
  };
}
