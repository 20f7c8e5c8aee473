/* Prints the charge of a UPS's battery: blocking /dev/ttyS0 */
#include <apcsmart.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    apcsmart_port *port = NULL;
    double charge = 0;
    apcsmart_result result = apcsmart_port_open(argc > 1 ? argv[1] : "/dev/ttyS0", NULL, 30000, &port);
    if (result == APCSMART_RESULT_OK)
        result = apcsmart_port_number(port, "battery.charge", &charge);
    if (result == APCSMART_RESULT_OK)
        printf("%.1f %%\n", charge);
    else
        fprintf(stderr, "%s: %s\n", apcsmart_result_text(result), apcsmart_port_error(port));
    apcsmart_port_close(port);
    return result == APCSMART_RESULT_OK ? 0 : 1;
}
