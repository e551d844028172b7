import { lazyPart } from '../lazy/lazy-page.tsx';

/** Loaded on first use, to keep the first load small. */
export const LazyPopup = lazyPart(() => import('./popup.tsx').then(({ Popup }) => Popup));
