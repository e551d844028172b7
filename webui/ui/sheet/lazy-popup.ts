import { lazyPart } from '../lazy/lazy-page.tsx';

/** Its script comes when the first one is opened: the grid is there sooner. */
export const LazyPopup = lazyPart(() => import('./popup.tsx').then(({ Popup }) => Popup));
