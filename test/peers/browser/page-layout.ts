import type { Page } from 'playwright-core';

/**
 * Parts of the open sheet, else of the page, that cannot be read or used: texts and icons that lie on each other, texts that are cut off, and
 * controls that no scrolling brings into the window or that something covers. Scrolls.
 */
export const layoutFaults = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    interface Rect {
      readonly left: number;
      readonly top: number;
      readonly right: number;
      readonly bottom: number;
    }
    interface Piece extends Rect {
      readonly element: Element;
      readonly name: string;
    }
    const CONTROLS = 'button, a[href], input, select, textarea, [role=button], [role=switch], [role=slider]';
    const UNSEEN = '.visually-hidden, [hidden], [inert], option, script, style, [aria-busy=true]';
    const root = [...document.querySelectorAll('dialog[open], [role=menu], .info')].at(-1) ?? document.body;
    const isClippedAway = (one: Element | null): boolean =>
      one !== null && (getComputedStyle(one).clipPath !== 'none' || isClippedAway(one.parentElement));
    const isShown = (one: Element) =>
      one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) &&
      !one.closest(UNSEEN) &&
      !isClippedAway(one);
    const common = (one: Rect, other: Rect): Rect => ({
      left: Math.max(one.left, other.left),
      top: Math.max(one.top, other.top),
      right: Math.min(one.right, other.right),
      bottom: Math.min(one.bottom, other.bottom),
    });
    /** The part that the containers leave, and the container that cuts it without scrolling. */
    function clipped(rect: Rect, element: Element): { readonly seen: Rect; readonly cutBy: Element | undefined } {
      let seen = rect;
      let cutBy: Element | undefined;
      for (let at: Element | null = element; at && at !== document.documentElement; at = at.parentElement) {
        const { overflowX, overflowY, position } = getComputedStyle(at);
        const box = at.getBoundingClientRect();
        if (overflowX !== 'visible' || overflowY !== 'visible') {
          const inner = {
            left: overflowX === 'visible' ? -1e6 : box.left,
            right: overflowX === 'visible' ? 1e6 : box.right,
            top: overflowY === 'visible' ? -1e6 : box.top,
            bottom: overflowY === 'visible' ? 1e6 : box.bottom,
          };
          const isCut =
            (/hidden|clip/.test(overflowX) && (seen.left < box.left - 1.5 || seen.right > box.right + 1.5)) ||
            (/hidden|clip/.test(overflowY) && (seen.top < box.top - 4 || seen.bottom > box.bottom + 4));
          cutBy ??= isCut ? at : undefined;
          seen = common(seen, inner);
        }
        if (position === 'fixed') {
          break;
        }
      }
      return { seen, cutBy };
    }
    const nameOf = (one: Element) => {
      const named = one.closest('[aria-label]')?.getAttribute('aria-label');
      const text = one.textContent?.trim() || named || one.getAttribute('name') || '';
      return `${one.tagName.toLowerCase()}.${one.getAttribute('class') ?? ''} “${text.slice(0, 40)}”`;
    };
    const found = new Set<string>();
    if (root.matches('dialog') && root.scrollTop > 0) {
      found.add(`scrolled away: the first ${root.scrollTop} px of the sheet, with its title and its button`);
    }
    // Lays out all rows: with `content-visibility` those outside the window only have an estimated height.
    const whole = new CSSStyleSheet();
    whole.replaceSync('* { content-visibility: visible !important }');
    document.adoptedStyleSheets.push(whole);

    const pieces: Piece[] = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!element || !node.nodeValue?.trim() || !isShown(element)) {
        continue;
      }
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const line of range.getClientRects()) {
        const { seen, cutBy } = clipped(line, element);
        // Ignores hidden words of dots, which `text-indent` moves outside, and items at the ends of the timeline.
        if (cutBy && getComputedStyle(cutBy).textIndent === '0px' && !cutBy.matches('.event-thumbnails')) {
          found.add(`cut: “${node.nodeValue.trim().slice(0, 60)}” by ${nameOf(cutBy).slice(0, 60)}`);
        }
        // Line boxes overlap where the text does not, so a part of their height is ignored.
        const spare = (line.bottom - line.top) * 0.16;
        pieces.push({
          ...{ element, name: node.nodeValue.trim().slice(0, 40) },
          ...{ left: seen.left, right: seen.right },
          ...{ top: Math.max(seen.top, line.top + spare), bottom: Math.min(seen.bottom, line.bottom - spare) },
        });
      }
    }
    for (const icon of root.querySelectorAll('button svg, a svg')) {
      const box = icon.getBoundingClientRect();
      if (isShown(icon) && box.width > 0) {
        const { seen } = clipped(box, icon);
        pieces.push({
          ...{ element: icon, name: nameOf(icon.closest('button, a') ?? icon) },
          ...{ left: seen.left + 3, right: seen.right - 3, top: seen.top + 3, bottom: seen.bottom - 3 },
        });
      }
    }
    /** Whether the element, or one between it and `ancestor`, has a background and so covers what is below it. */
    const isOpaque = (element: Element, ancestor: Element) => {
      for (let at: Element | null = element; at && at !== ancestor; at = at.parentElement) {
        const { backgroundColor, backgroundImage } = getComputedStyle(at);
        const alpha = /rgba?\([^)]*,\s*([\d.]+)\)$/.exec(backgroundColor);
        if (
          backgroundColor !== 'transparent' &&
          (!alpha || backgroundColor.startsWith('rgb(') || Number(alpha[1]) > 0.6)
        ) {
          return true;
        }
        if (backgroundImage !== 'none') {
          return true;
        }
      }
      return false;
    };
    const isOfOtherControl = (one: Element, other: Element) =>
      (one.closest(CONTROLS) ?? one) !== (other.closest(CONTROLS) ?? one);
    for (const [i, one] of pieces.entries()) {
      for (const other of pieces.slice(i + 1)) {
        const both = common(one, other);
        const isTouching = both.right - both.left > -3 && isOfOtherControl(one.element, other.element);
        const isOver = both.right - both.left > 2 || isTouching;
        if (isOver && both.bottom - both.top > 2 && one.element !== other.element) {
          let ancestor: Element = one.element;
          while (!ancestor.contains(other.element)) {
            ancestor = ancestor.parentElement ?? document.body;
          }
          if (!isOpaque(one.element, ancestor) && !isOpaque(other.element, ancestor)) {
            found.add(`on each other: ${one.name} / ${other.name}`);
          }
        }
      }
    }

    const view = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const areaOf = ({ left, top, right, bottom }: Rect) => Math.max(0, right - left) * Math.max(0, bottom - top);
    for (const control of root.querySelectorAll(CONTROLS)) {
      const before = control.getBoundingClientRect();
      const isPassive = getComputedStyle(control).pointerEvents === 'none' || control.matches('textarea');
      if (!isShown(control) || isPassive || before.width <= 1 || control.closest('label')) {
        continue;
      }
      control.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
      const box = control.getBoundingClientRect();
      const seen = common(clipped(box, control).seen, view);
      const whole = common(box, { ...view, left: -1e6, right: 1e6 });
      if (areaOf(seen) < 0.9 * (box.height > innerHeight * 0.8 ? areaOf(whole) : areaOf(box))) {
        found.add(`outside of the window: ${nameOf(control)}`);
        continue;
      }
      const there = document.elementFromPoint((seen.left + seen.right) / 2, (seen.top + seen.bottom) / 2);
      if (there && !control.contains(there) && !there.contains(control)) {
        found.add(`covered: ${nameOf(control)} by ${nameOf(there)}`);
      }
    }
    scrollTo(0, 0);
    document.adoptedStyleSheets.pop();
    return [...found];
  });
