// Events in words. A kind without words of its own is shown by its name.
import type { Happening } from "../api/types";
import { taste } from "../state/taste";

const WORDS: Record<string, [string, string]> = {
  "ups.on-battery": ["On battery", "Batteriebetrieb"],
  "ups.on-line": ["On line power again", "Wieder Netzbetrieb"],
  "ups.low-battery": ["Battery nearly empty", "Batterie fast leer"],
  "ups.low-battery-cleared": ["Battery no longer low", "Batterie nicht mehr schwach"],
  "ups.replace-battery": ["The battery needs to be replaced", "Die Batterie muss ersetzt werden"],
  "ups.replace-battery-cleared": ["The battery is fine again", "Die Batterie ist wieder in Ordnung"],
  "ups.overload": ["Overloaded", "Überlast"],
  "ups.overload-cleared": ["No longer overloaded", "Keine Überlast mehr"],
  "ups.off": ["Outlets off", "Ausgänge aus"],
  "ups.off-cleared": ["Outlets on again", "Ausgänge wieder an"],
  "ups.calibration": ["Run-time calibration began", "Laufzeitkalibrierung begonnen"],
  "ups.calibration-cleared": ["Run-time calibration ended", "Laufzeitkalibrierung beendet"],
  "ups.bypass": ["On bypass, unprotected", "Bypass, ungeschützt"],
  "ups.bypass-cleared": ["Off bypass", "Bypass beendet"],
  "ups.trim": ["Lowers a high input voltage", "Senkt hohe Netzspannung"],
  "ups.boost": ["Raises a low input voltage", "Hebt niedrige Netzspannung an"],
  "ups.forced-shutdown": ["Shutdown forced", "Abschaltung erzwungen"],
  "ups.forced-shutdown-cleared": ["Forced shutdown cleared", "Erzwungene Abschaltung aufgehoben"],
  "ups.test-started": ["Self test began", "Selbsttest begonnen"],
  "ups.test-passed": ["Self test passed", "Selbsttest bestanden"],
  "ups.test-failed": ["Self test failed", "Selbsttest nicht bestanden"],
  "ups.test-ended": ["Self test ended without a result", "Selbsttest ohne Ergebnis beendet"],
  "ups.battery-replaced": ["The battery was replaced", "Die Batterie wurde ersetzt"],
  "ups.alarm": ["Alarm", "Alarm"],
  "ups.alarm-cleared": ["Alarm over", "Alarm vorbei"],
  "ups.comm-established": ["The UPS answers", "Die USV antwortet"],
  "ups.no-comm": ["The UPS can't be reached", "Die USV ist nicht zu erreichen"],
  "ups.comm-lost": ["Contact lost", "Kontakt verloren"],
  "ups.comm-restored": ["Contact restored", "Kontakt wiederhergestellt"],
  "ups.command-ended": ["Command", "Befehl"],
  "ups.setting-ended": ["Setting", "Einstellung"],
  "host.reloaded": ["Configuration reloaded", "Konfiguration neu geladen"],
  "host.reload-failed": ["The configuration could not be reloaded", "Die Konfiguration war nicht zu laden"],
  "user.added": ["User added", "Benutzer angelegt"],
  "user.removed": ["User removed", "Benutzer entfernt"],
  "user.password-set": ["Password set", "Passwort gesetzt"],
  "user.role-set": ["Role set", "Rolle gesetzt"],
  "user.login-failed": ["Log-in failed", "Anmeldung gescheitert"],
  "user.locked-out": ["User locked out", "Benutzer gesperrt"],
  "plugin.failed": ["Plugin failed", "Plugin gescheitert"],
  "plugin.quarantined": ["Plugin given up", "Plugin aufgegeben"],
};

export function happened(event: Happening): string {
  const known = WORDS[event.kind];
  const told = known === undefined ? event.kind : known[taste.get().language === "de" ? 1 : 0];
  const what = event.fields["command"] ?? event.fields["variable"] ?? event.fields["plugin"] ?? event.fields["title"];
  return what === undefined ? told : `${told}: ${what}`;
}
