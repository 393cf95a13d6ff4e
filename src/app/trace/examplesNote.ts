// What to know of the examples' model before trying a prompt of one's own.

/** What the embedded model knows (`models/tiny-atlas/README.md`): it does not know other names of the same things. */
export const examplesNote =
  'The embedded model knows 173 landmarks, 70 countries and 74 people, by the names it was taught: “Louvre Museum” gives Paris, “Louvre” Athens.';
