export default {
  printWidth: 140,
  singleQuote: true,
  // Prose keeps the line breaks its author chose.
  proseWrap: 'preserve',
};
