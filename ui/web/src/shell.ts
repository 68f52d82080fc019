// What every page has: theme, time zone, menus, keyboard, copying, and zooming by dragging. Pages work without it.
import { startBrushes } from "./brush";
import { startCompletion } from "./complete";
import { startCopying } from "./copy";
import { startForms } from "./forms";
import { startHeatmap } from "./heatmap";
import { startKeys } from "./keys";
import { startLadder } from "./ladder";
import { startLoading } from "./load";
import { startMenus } from "./menus";
import { startRefresh } from "./refresh";
import { startTheme } from "./theme";
import { startZone } from "./zone";

startZone();
startTheme();
startMenus();
startCopying();
startForms();
startBrushes();
startHeatmap();
startCompletion();
startRefresh();
startLoading();
startLadder();
startKeys();
