/**
 * What the build makes of JSX: calls whose children are arguments, which are shorter than those of the automatic runtime. No variable of a
 * component has these names.
 */
export { Fragment as jsxFragment, h as jsxElement } from 'preact';
