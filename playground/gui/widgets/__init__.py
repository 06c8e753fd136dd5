"""Building blocks: colors, fonts, buttons, boxes, sliders, number fields. They know no experiment."""
