/** What the build makes of JSX: calls of `h`, whose children are arguments, are shorter than those of the automatic runtime. */
export { Fragment, h } from 'preact';
